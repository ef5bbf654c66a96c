provider "file" {
  source = "file"
}

resource "file" "a" {
  prune = true
  tree {}
}
