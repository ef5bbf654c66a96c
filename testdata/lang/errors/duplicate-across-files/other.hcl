resource "file" "a" {
  root = "y"
}
