provider "file" {
  source = "file"
}

variable "zone" {
  type = string
}
