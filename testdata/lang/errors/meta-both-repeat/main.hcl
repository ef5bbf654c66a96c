provider "file" {
  source = "file"
}

resource "file" "a" {
  root = "x"
  count = 2
  for_each = toset(["a"])
}
