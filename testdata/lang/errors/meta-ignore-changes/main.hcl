provider "file" {
  source = "file"
}

resource "file" "a" {
  root = "x"
  ignore_changes = [1 + 1, "ok", root]
}
