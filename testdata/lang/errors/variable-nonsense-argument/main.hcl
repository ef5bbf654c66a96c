provider "file" {
  source = "file"
}

variable "a" {
  types = string
  defualt = 1
}
