provider "file" {
  source = "file"
}

removed {
  from = file.a
}
removed {
  from = file.a
}
