provider "file" {
  source = "file"
}

resource "file" "a" {
  root = ["x"]
  count_limit = "many"
  labels = "x"
}
