provider "file" {
  source = "file"
}

variable "s" {
  default = "secret"
  sensitive = true
}
resource "file" "a" {
  root = "x"
  mode_default = var.s
  line_ends = var.s
}
