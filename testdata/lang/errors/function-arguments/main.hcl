provider "file" {
  source = "file"
}

locals {
  a = upper("x", "y")
  b = upper([])
}
