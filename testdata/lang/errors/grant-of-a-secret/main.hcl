provider "file" {
  source = "file"
  allow {
    write = ["./out"]
    env   = ["LANG", "API_TOKEN"]
  }
}

credential "api" {
  origin = "https://api.example.org"
  kind   = "bearer"
  env    = "API_TOKEN"
}
