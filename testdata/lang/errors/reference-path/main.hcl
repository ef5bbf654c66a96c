provider "file" {
  source = "file"
}

output "a" {
  value = path.cwd
}
