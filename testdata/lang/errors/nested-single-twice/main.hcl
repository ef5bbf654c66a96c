provider "file" {
  source = "file"
}

resource "file" "a" {
  root = "x"
  owner {
    user = "a"
  }
  owner {
    user = "b"
  }
}
