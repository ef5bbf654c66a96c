resource "file" "in" {
  root = "x"
}
output "out" {
  value = file.in.root
}
