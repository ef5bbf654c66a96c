provider "file" {
  source = "file"
}

variable "s" {
  default = "a"
  sensitive = true
}
resource "file" "a" {
  root = "x"
  dynamic "file" {
    for_each = [var.s]
    labels = [file.value]
    content {}
  }
}
