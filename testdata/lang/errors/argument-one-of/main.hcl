provider "file" {
  source = "file"
}

resource "file" "a" {
  root = "x"
  line_ends = "ctlf"
}
