provider "file" {
  source = "file"
}

check "a" {}
