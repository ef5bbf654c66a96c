provider "file" {
  source = "file"
}

removed {
  from = file.gone
  root = "./out"
}
