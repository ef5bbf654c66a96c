module "b" {
  source = "../child"
}
