provider "file" {
  source = "file"
}

provider "other" {
  source = "file"
  allow {
    read  = ["./site", "../secrets"]
    write = ["~/out", "a/../../b"]
  }
}
