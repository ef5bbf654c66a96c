provider "file" {
  source = "file"
}

data "file" "x" {
  path = "a"
}
resource "file" "a" {
  root = file.x.path
}
