provider "file" {
  source = "file"
}

resource "file" {
  root = "x"
}
