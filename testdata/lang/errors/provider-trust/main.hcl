provider "file" {
  source = "file"
}

provider "other" {
  source = "file"
  trust = "all"
}
