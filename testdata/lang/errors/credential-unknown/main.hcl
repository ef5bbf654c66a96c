provider "file" {
  source = "file"
  allow {
    http {
      origin     = "https://api.example.org"
      credential = "apy"
    }
    http {
      origin     = "https://api.example.com"
      credential = "api"
    }
    http {
      origin     = "https://API.example.org:443"
      credential = "api"
    }
  }
}

credential "api" {
  origin = "https://api.example.org"
  kind   = "bearer"
  env    = "API_TOKEN"
}
