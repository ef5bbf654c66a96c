provider "file" {
  source = "file"
}

resource "file" "site" {
  root = "x"
  for_each = toset(["eu"])
}
resource "file" "b" {
  root = file.site.root
}
