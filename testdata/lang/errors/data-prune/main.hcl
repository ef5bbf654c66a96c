provider "file" {
  source = "file"
}

data "file" "a" {
  path = "x"
  prune = true
}
