provider "file" {
  source = "file"
}

resource "file" "a" {
  root = "x"
  prune = "maybe"
  interval = "often"
  wave = 1.5
  mode = "aditive"
  tags = { a = null }
  timeouts {
    apply = "long"
  }
}
