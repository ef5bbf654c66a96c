provider "file" {
  source = "file"
}

locals {
  a = 1 + "x"
  b = true ? 1 : [2]
  c = "${[1]}"
  d = [1, 2][5]
  e = {}.x
}
