provider "file" {
  source = "file"
}

resource "file" "a" {
  root = "x"
}
resource "file" "a" {
  root = "y"
}
