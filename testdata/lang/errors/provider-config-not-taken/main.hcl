provider "file" {
  source = "file"
}

provider "nodata" {
  source = "x"
  config {
    umask = "022"
  }
}
resource "nodata" "a" {
  root = "x"
}
