provider "file" {
  source = "file"
}

resorce "file" "a" {
  root = "x"
}
