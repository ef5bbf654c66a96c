provider "file" {
  source = "file"
}

resource "file" "a" {
  root = "x"
  depends_on = [file.b]
}
resource "file" "b" {
  root = file.a.root
}
