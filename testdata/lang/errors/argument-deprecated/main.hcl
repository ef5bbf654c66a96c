provider "file" {
  source = "file"
}

resource "file" "a" {
  root = "x"
  old_root = "y"
}
