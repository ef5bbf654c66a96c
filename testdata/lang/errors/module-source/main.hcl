provider "file" {
  source = "file"
}

module "a" {
  source = "terraform-aws-modules/vpc"
}
module "b" {
  source = "./nowhere"
}
