provider "file" {
  source = "file"
}

resource "file" "a" {
  count = -1
  root = "x"
}
resource "file" "b" {
  count = "x"
  root = "x"
}
resource "file" "c" {
  count = 1.5
  root = "x"
}
