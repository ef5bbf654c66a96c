provider "file" {
  source = "file"
}

provider "other" {
  source = "file"
  allow {
    read = ["./etc", "/etc/motd"]
  }
}
