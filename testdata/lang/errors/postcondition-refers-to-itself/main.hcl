provider "file" {
  source = "file"
}

resource "file" "a" {
  root = "x"
  postcondition {
    condition = file.a.digest != ""
    error_message = "x"
  }
}
