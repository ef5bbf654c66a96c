provider "file" {
  source = "file"
}

variable "dir" { default = "x" }
provider "other" {
  source = "file"
  allow {
    write = [var.dir]
  }
}
