provider "file" {
  source = "file"
}

resource "file" "a" "b" {
  root = "x"
}
