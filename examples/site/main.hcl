# A small web site, kept in files. Try it in a copy of this folder:
#
#   cogplan plan
#   cogplan apply

cogplan {
  policy {
    paths = ["policy"] # beside the default policy, which is always there
  }
}

variable "title" {
  type        = string
  default     = "Harbour Bakery"
  description = "the name above every page"

  validation {
    condition     = length(var.title) > 0
    error_message = "The site needs a title."
  }
}

locals {
  pages = {
    "index.html" = "Open from six."
    "about.html" = "Three ovens, one cat."
  }
}

# The provider is WebAssembly in a sandbox. It can touch what stands here and
# nothing else: content to read, public to write.
provider "file" {
  source = "file"

  allow {
    read  = ["./content"]
    write = ["./public"]
  }
}

resource "file" "site" {
  root = "./public/site"

  tree {
    from = "./content/assets"
    to   = "assets"
  }

  file "index.html" {
    content = templatefile("content/page.html.tpl", { title = var.title, text = local.pages["index.html"] })
  }

  file "about.html" {
    content = templatefile("content/page.html.tpl", { title = var.title, text = local.pages["about.html"] })
  }

  file "robots.txt" {
    content = "User-agent: *\nAllow: /\n"
  }
}

# Depends on file.site, because it reads what the provider told about it: while
# the site is out of step with its declaration, this one waits.
resource "file" "release" {
  root = "./public/release"

  file "SHA256SUMS" {
    content = join("", [for name in keys(local.pages) : "${file.site.objects.file[name].sha256}  ${name}\n"])
  }
}

output "title" {
  value       = upper(var.title)
  description = "what the release is called"
}
