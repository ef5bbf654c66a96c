provider "file" {
  source = "file"
}

resource "file" "a" {
  root = "x"
  tree {
    from = "0"
  }
  tree {
    from = "1"
  }
  tree {
    from = "2"
  }
  tree {
    from = "3"
  }
  tree {
    from = "4"
  }
}
