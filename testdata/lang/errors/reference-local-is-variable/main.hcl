provider "file" {
  source = "file"
}

resource "file" "a" {
  root = local.name
}
variable "name" { default = "x" }
