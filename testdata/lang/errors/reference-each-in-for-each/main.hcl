provider "file" {
  source = "file"
}

resource "file" "a" {
  for_each = toset([each.key])
  root = "x"
}
