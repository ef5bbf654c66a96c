provider "file" {
  source = "file"
}

resource "file" "a" {
  root = "x"
  file = { a = 1 }
}
