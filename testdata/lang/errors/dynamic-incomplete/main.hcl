provider "file" {
  source = "file"
}

resource "file" "a" {
  root = "x"
  dynamic "file" {
    for_each = ["a"]
  }
  dynamic "file" {
    for_each = ["a"]
    content {}
  }
  dynamic "tree" {
    content {
      from = "x"
    }
  }
}
