provider "file" {
  source = "file"
}

provider "nodata" {
  source = "x"
}
data "nodata" "a" {
  path = "x"
}
