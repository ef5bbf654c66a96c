provider "file" {
  source = "file"
}

variable "n" {
  default = "x"
  validation {
    condition     = "maybe"
    error_message = "x"
  }
}
