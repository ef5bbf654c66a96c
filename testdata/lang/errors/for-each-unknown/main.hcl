provider "file" {
  source = "file"
}

resource "file" "base" {
  root = "x"
}
resource "file" "b" {
  for_each = file.base.objects.file
  root = "x"
}
