provider "file" {
  source = "file"
}

module "m" {
  source = "./child"
  providers = { disk = fiel }
}
