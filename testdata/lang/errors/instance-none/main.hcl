provider "file" {
  source = "file"
}

resource "file" "site" {
  root = "x"
  for_each = {}
}
resource "file" "b" {
  root = file.site["us"].root
}
