provider "file" {
  source = "file"
}

resource "file" "a" {
  root = file.a.digest
}
