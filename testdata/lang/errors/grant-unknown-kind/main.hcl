provider "file" {
  source = "file"
}

provider "other" {
  source = "file"
  allow {
    reed = ["./x"]
  }
}
