provider "file" {
  source = "file"
}

variable "a" { default = 1 }
variable "b" {
  default = var.a
}
