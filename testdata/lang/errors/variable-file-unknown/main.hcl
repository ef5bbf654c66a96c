provider "file" {
  source = "file"
}

variable "name" {}
