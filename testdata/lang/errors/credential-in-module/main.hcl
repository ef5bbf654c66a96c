provider "file" {
  source = "file"
}

module "child" {
  source = "./child"
}
