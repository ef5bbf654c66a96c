provider "file" {
  source = "file"
}

variable "n" {
  sensitive = true
  default = "abc"
  validation {
    condition     = length(var.n) > 3
    error_message = "The secret ${var.n} is too short."
  }
}
