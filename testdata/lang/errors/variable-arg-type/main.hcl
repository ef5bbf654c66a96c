provider "file" {
  source = "file"
}

variable "n" {
  type = number
}
variable "l" {
  type = list(string)
}
