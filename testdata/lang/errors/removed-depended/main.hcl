provider "file" {
  source = "file"
  allow { write = ["./out"] }
}

removed {
  from   = file.base
  delete = true
  root   = "./out/base"
}

removed {
  from       = file.top
  delete     = true
  root       = "./out/top"
  depends_on = [file.base]
}

resource "file" "kept" {
  root       = "./out/kept"
  depends_on = [file.base]
}
