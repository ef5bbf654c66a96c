provider "file" {
  source = "file"
}

resource "file" "a" {
  root = "x"
  depends_on = ["file.b", file.c, local.x, file.b.root]
}
resource "file" "b" {
  root = "y"
}
locals {
  x = 1
}
