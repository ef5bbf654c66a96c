provider "file" {
  source = "file"
}

resource "file" "a" {
  root = "x"
}
import {
  to = file.a.fiel["x"]
  id = "x"
}
