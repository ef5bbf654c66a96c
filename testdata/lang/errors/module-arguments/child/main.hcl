variable "name" {}
output "out" {
  value = 1
}
