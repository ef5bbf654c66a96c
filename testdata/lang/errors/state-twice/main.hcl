provider "file" {
  source = "file"
}

cogplan {
  state "file" {}
}
cogplan {
  state "file" {}
  policy {
    paths = [""]
  }
}
