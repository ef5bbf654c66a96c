provider "file" {
  source = "file"
}

resource "file" "site" {
  root = "x"
}
resource "file" "b" {
  root = file.site["eu"].root
}
