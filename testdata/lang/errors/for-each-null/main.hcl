provider "file" {
  source = "file"
}

resource "file" "a" {
  for_each = null
  root = "x"
}
