provider "x" {
  source = "file"
}
