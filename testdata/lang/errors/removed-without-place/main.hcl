provider "file" {
  source = "file"
}

removed {
  from   = file.gone
  delete = true
}
