provider "file" {
  source = "file"
}

provider "broken" {
  source = "./x.wasm"
}
resource "broken" "a" {
  root = "x"
}
