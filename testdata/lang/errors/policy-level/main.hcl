provider "file" {
  source = "file"
}

policy "main.deny" {
  level = "soft"
}
