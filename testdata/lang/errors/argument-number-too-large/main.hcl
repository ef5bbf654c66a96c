provider "file" {
  source = "file"
}

resource "file" "a" {
  root = "x"
  count_limit = 99999999999999999999
}
