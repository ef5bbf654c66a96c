provider "file" {
  source = "file"
}

provider "other" {
  allow {}
}
