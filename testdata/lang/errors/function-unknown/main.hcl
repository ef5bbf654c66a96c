provider "file" {
  source = "file"
}

locals {
  a = upcase("x")
}
