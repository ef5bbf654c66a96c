provider "file" {
  source = "file"
}

variable "o" {
  type = object({ a = list(number), b = optional(string) })
  default = { a = [1, "x"] }
}
