provider "file" {
  source = "file"
}

resource "file" "a" {
  root = "x"
  precondition {
    condition     = length("ab") > 2
    error_message = "Too short."
  }
}
