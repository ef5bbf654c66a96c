provider "file" {
  source = "file"
}

resource "file" "a" {
  root = var.zone
}
