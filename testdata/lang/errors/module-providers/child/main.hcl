resource "disk" "in" {
  root = "x"
}
