provider "file" {
  source = "file"
}

resource "file" "a" {
  root = "x"
  tree "x" {
    from = "a"
  }
}
