provider "file" {
  source = "file"
}

locals {
  a = local.b
  b = local.c
  c = local.a
}
