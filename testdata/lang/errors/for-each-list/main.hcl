provider "file" {
  source = "file"
}

resource "file" "a" {
  for_each = ["a", "b"]
  root = "x"
}
