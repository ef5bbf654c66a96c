provider "file" {
  source = "file"
}

provider "other" {
  source = "file"
  allow {
    http {
      origin = "api.example.org"
      methods = ["get"]
      paths = ["v1"]
      read_routes = ["/search"]
    }
    tcp {
      address = "db"
    }
    env = ["AWS_*"]
  }
}
