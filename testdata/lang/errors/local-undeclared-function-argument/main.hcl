provider "file" {
  source = "file"
}

resource "file" "a" {
  root = join("/", [local.base, var.env])
}
variable "env" {}
locals {
  bases = 1
}
