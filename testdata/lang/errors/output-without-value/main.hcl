provider "file" {
  source = "file"
}

output "a" {}
