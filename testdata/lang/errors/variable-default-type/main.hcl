provider "file" {
  source = "file"
}

variable "n" {
  type    = number
  default = "many"
}
