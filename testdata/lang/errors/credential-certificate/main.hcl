provider "web" {
  source = "rest"
  allow {
    http {
      origin = "http://api.example.org"
      ca     = "ca.pem"
    }
    tcp {
      address    = "ldap.example.org:636"
      ca         = "~/ca.pem"
      credential = "plain"
    }
    tcp {
      address    = "ldap.example.org:636"
      tls        = true
      credential = "plain"
    }
  }
}

credential "plain" {
  origin      = "tcp://ldap.example.org:636"
  kind        = "tls"
  certificate = "client.pem"
  file        = "client.key"
}

credential "without" {
  origin = "https://api.example.org"
  kind   = "tls"
  file   = "client.key"
}

credential "clear" {
  origin      = "http://api.example.org"
  kind        = "tls"
  certificate = "client.pem"
  file        = "client.key"
}

credential "misplaced" {
  origin      = "https://api.example.org"
  kind        = "bearer"
  certificate = "client.pem"
  file        = "client.key"
}
