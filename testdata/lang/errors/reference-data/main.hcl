provider "file" {
  source = "file"
}

resource "file" "a" {
  root = data.file.nope.path
}
