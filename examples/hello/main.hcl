provider "file" {
  source = "file"

  allow {
    write = ["./out"]
  }
}

resource "file" "greeting" {
  root = "./out"

  file "hello.txt" {
    content = "Hello, world.\n"
  }
}
