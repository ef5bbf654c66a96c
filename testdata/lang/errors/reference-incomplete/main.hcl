provider "file" {
  source = "file"
}

output "a" {
  value = [var, local, module, file, data.file]
}
