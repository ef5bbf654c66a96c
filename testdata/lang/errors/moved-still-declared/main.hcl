provider "file" {
  source = "file"
}

resource "file" "a" {
  root = "x"
}
resource "file" "b" {
  root = "y"
}
moved {
  from = file.a
  to = file.b
}
moved {
  from = file.c
  to = file.nowhere
}
removed {
  from = file.b
}
