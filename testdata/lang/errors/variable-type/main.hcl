provider "file" {
  source = "file"
}

variable "a" {
  type = strnig
}
variable "b" {
  type = list
}
