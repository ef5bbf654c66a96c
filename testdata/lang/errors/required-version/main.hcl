provider "file" {
  source = "file"
}

cogplan {
  required_version = ">= 2.0"
}
