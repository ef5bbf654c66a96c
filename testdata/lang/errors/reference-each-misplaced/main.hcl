provider "file" {
  source = "file"
}

resource "file" "a" {
  root = each.key
  tags = { a = count.index }
}
