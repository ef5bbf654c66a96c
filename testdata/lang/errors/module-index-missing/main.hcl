provider "file" {
  source = "file"
}

module "m" {
  source = "./child"
  for_each = toset(["a"])
}
output "o" {
  value = module.m.out
}
