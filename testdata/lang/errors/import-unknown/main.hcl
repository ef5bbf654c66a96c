provider "file" {
  source = "file"
}

import {
  to = file.nope
  id = "x"
}
import {
  to = file.a.file
  id = "x"
}
resource "file" "a" {
  root = "x"
}
