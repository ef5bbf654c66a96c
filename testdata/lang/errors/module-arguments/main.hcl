provider "file" {
  source = "file"
}

module "a" {
  source = "./child"
  nmae = "x"
  thing {}
}
output "o" {
  value = module.a.otu
}
