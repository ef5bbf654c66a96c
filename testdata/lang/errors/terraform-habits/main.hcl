provider "file" {
  source = "file"
}

terraform {
  required_version = "1.0"
}
resource "file" "a" {
  root = "x"
  lifecycle {
    prevent_destroy = true
  }
}
