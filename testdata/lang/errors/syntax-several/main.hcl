provider "file" {
  source = "file"
}

resource "file" "a" {
  root = 
}
resource "file" "b" {
  root = [1, 
}
