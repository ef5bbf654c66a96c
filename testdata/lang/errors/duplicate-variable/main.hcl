provider "file" {
  source = "file"
}

variable "a" {}
variable "a" {}
