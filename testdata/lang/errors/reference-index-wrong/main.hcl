provider "file" {
  source = "file"
}

resource "file" "site" {
  root = "x"
  count = 1
}
resource "file" "b" {
  root = file.site["us"].root
}
