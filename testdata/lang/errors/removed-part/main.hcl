provider "file" {
  source = "file"
}

removed {
  from   = file.site["eu"]
  delete = true
  root   = "./out"
}
