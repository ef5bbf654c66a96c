provider "file" {
  source = "file"
}

cogplan {
  required_version = "new"
}
