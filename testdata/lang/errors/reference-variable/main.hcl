provider "file" {
  source = "file"
}

resource "file" "a" {
  root = var.nmae
}
variable "name" { default = "x" }
