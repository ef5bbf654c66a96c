provider "file" {
  source = "file"
}

resource "fiel" "a" {
  root = "x"
}
