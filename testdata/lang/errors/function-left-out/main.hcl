provider "file" {
  source = "file"
}

locals {
  a = timestamp()
}
