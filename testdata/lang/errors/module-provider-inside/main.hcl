provider "file" {
  source = "file"
}

module "a" {
  source = "./child"
}
