provider "file" {
  source = "file"
}

resource "file" "a" {
  root = file.b.root
}
resource "file" "b" {
  root = local.x
}
locals {
  x = file.a.root
}
