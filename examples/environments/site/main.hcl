variable "name" {
  type = string
}

variable "release" {
  type = string
}

variable "pages" {
  type = map(string)
}

locals {
  root = "./public/${var.name}"
}

resource "file" "pages" {
  root  = local.root
  prune = var.name != "production" # nothing is deleted in production by the way

  dynamic "file" {
    for_each = var.pages
    labels   = ["${file.key}.html"]
    content {
      content = "<!doctype html>\n<title>${title(file.key)}</title>\n<p>${file.value}</p>\n"
    }
  }
}

# Written when the pages are there: it reads what became of them.
resource "file" "release" {
  root = "./releases/${var.name}"

  file "RELEASE" {
    content = "release ${var.release}, ${length(file.pages.objects.file)} pages\n"
  }
}

output "root" {
  value = local.root
}

output "release" {
  value = var.release
}
