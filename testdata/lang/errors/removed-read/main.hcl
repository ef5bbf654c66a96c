provider "file" {
  source = "file"
}

removed {
  from   = file.gone
  delete = true
  root   = "./out"
}

resource "file" "site" {
  root = file.gone.root
}
