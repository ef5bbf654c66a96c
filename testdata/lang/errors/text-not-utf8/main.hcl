provider "file" {
  source = "fiÿ"
}
