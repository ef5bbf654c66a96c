provider "file" {
  source = "file"
}

variable "n" {
  default = "abc"
}
locals {
  a = var.n + 1
}
