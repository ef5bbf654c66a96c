provider "file" {
  source = "file"
}

module "m" {
  source = "./child"
  depends_on = [file.a]
}
resource "file" "a" {
  root = module.m.out
}
