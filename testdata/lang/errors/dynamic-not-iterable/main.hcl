provider "file" {
  source = "file"
}

resource "file" "a" {
  root = "x"
  dynamic "tree" {
    for_each = 5
    content {
      from = tree.value
    }
  }
}
