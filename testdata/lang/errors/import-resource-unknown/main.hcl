provider "file" {
  source = "file"
}

import {
  to = file.nope
  id = "x"
}
resource "file" "noop" {
  root = "x"
}
