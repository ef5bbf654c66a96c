provider "db" {
  source = "./db.wasm"
  allow {
    tcp {
      address    = "db.example.org:5432"
      credential = "web"
    }
    tcp {
      address    = "other.example.org:5432"
      credential = "db"
    }
    tcp {
      address = "db.example.org"
    }
    tcp {
      address         = "db.example.org:5432"
      credential      = "db"
      read_credential = "db"
    }
    http {
      origin     = "https://api.example.org"
      credential = "db"
    }
  }
}

credential "web" {
  origin = "https://api.example.org"
  kind   = "bearer"
  env    = "TOKEN"
}

credential "db" {
  origin   = "tcp://db.example.org:5432"
  kind     = "postgres"
  username = "app"
  env      = "PASSWORD"
}

credential "nobody" {
  origin = "tcp://db.example.org:5432"
  kind   = "postgres"
  env    = "PASSWORD"
}

credential "nowhere" {
  origin   = "postgres://db.example.org"
  kind     = "postgres"
  username = "app"
  env      = "PASSWORD"
}
