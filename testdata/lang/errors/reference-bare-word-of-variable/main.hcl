provider "file" {
  source = "file"
}

resource "file" "a" {
  root = name
}
variable "name" { default = "x" }
