provider "file" {
  source = "file"
}

variable "n" {
  type = string
  nullable = false
}
