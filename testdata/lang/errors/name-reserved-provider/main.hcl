provider "file" {
  source = "file"
}

provider "var" {
  source = "file"
}
