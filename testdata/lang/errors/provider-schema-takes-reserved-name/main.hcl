provider "file" {
  source = "file"
}

provider "greedy" {
  source = "./x.wasm"
}
resource "greedy" "a" {
  root = "x"
}
