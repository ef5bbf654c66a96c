# Files, as this module declares them. Change something here, and see what
# `cogplan plan` says; change a file in out/, and see it again.

cogplan {
  policy {
    paths = ["policy"] # beside the default policy, which is always there
  }
}

variable "name" {
  type        = string
  default     = "world"
  description = "who is greeted"
}

# The provider is WebAssembly in a sandbox. It can write below out/, and do nothing
# else.
provider "file" {
  source = "file"

  allow {
    write = ["./out"]
  }
}

resource "file" "greeting" {
  root = "./out"
  # prune = true # lets cogplan delete what is taken out of this block

  file "hello.txt" {
    content = "Hello, ${var.name}.\n"
  }
}

output "greeting" {
  value = file.greeting.root
}
