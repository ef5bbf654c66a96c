credential "api" {
  origin = "https://api.example.org"
  kind   = "bearer"
  env    = "API_TOKEN"
}
