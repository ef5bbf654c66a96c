provider "file" {
  source = "file"
}

name = "x"
