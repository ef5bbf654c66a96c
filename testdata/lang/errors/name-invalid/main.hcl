provider "file" {
  source = "file"
}

variable "1st" {}
resource "file" "a b" {
  root = "x"
}
