provider "file" {
  source = "file"
}

credential "kind" {
  origin = "https://api.example.org"
  kind   = "bearrer"
  env    = "TOKEN"
}

credential "sources" {
  origin = "https://api.example.org/v1"
  kind   = "bearer"
  env    = "TOKEN"
  file   = "token"
}

credential "none" {
  origin = "https://api.example.org"
  kind   = "header"
}

credential "host" {
  origin   = "https://api.example.org"
  kind     = "header"
  name     = "Host"
  username = "me"
  command  = []
}

credential "basic" {
  origin = "https://api.example.org"
  kind   = "basic"
  file   = "~/secret"
}

credential "basic" {
  origin = "https://api.example.org"
  kind   = "bearer"
  env    = "A=B"
}
