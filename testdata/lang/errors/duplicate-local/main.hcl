provider "file" {
  source = "file"
}

locals {
  a = 1
}
locals {
  a = 2
}
