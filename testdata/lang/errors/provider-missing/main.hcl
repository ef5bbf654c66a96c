resource "file" "a" {
  root = "x"
}
