provider "file" {
  source = "file"
}

resource "file" "a" {
  root = "x"
  dynamic "fiel" {
    for_each = []
    content {}
  }
}
