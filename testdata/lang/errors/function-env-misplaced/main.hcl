provider "file" {
  source = "file"
}

locals {
  a = env("HOME")
}
