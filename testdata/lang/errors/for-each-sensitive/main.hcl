provider "file" {
  source = "file"
}

variable "s" {
  default = ["a"]
  sensitive = true
}
resource "file" "a" {
  for_each = toset(var.s)
  root = "x"
}
