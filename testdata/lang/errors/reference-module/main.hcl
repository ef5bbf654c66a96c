provider "file" {
  source = "file"
}

output "a" {
  value = module.net.id
}
