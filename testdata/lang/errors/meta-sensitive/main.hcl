provider "file" {
  source = "file"
}

variable "s" {
  default = true
  sensitive = true
}
resource "file" "a" {
  root = "x"
  prune = var.s
}
