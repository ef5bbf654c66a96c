provider "file" {
  source = "file"
}

cogplan {
  requiredversion = ">= 1"
}
