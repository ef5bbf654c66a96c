provider "file" {
  source = "file"
}

moved {
  from = file.a
  to   = file.a
}
moved {
  from = "file.a"
  to   = module.x
}
moved {
  from = file.a
  to = module.x
}
