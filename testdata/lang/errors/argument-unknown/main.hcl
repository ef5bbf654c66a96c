provider "file" {
  source = "file"
}

resource "file" "a" {
  root = "x"
  file "i" {
    contnet = "x"
  }
}
