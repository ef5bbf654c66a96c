module "one" {
  source = "./child"
  in = module.two.out
}
module "two" {
  source = "./child"
  in = module.one.out
}
