provider "file" {
  source = "file"
  config {
    umaks = "022"
  }
}
resource "file" "a" {
  root = "x"
}
