provider "file" {
  source = "file"
}

provider "other" {
  source = "file"
  limits {
    memory = "64 megs"
    timeout = "soon"
    requests = -1
  }
}
