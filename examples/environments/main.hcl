# One site in two environments, from one module. Staging comes first; production is
# protected, and policy wants its changes small. Try it in a copy of this folder:
#
#   cogplan apply
#   cogplan plan -var 'release=2'
#   cogplan apply -target module.staging -var 'release=2'

cogplan {
  policy {
    paths = ["policy"]
  }
}

variable "release" {
  type        = string
  default     = "1"
  description = "what is deployed"

  validation {
    condition     = can(regex("^[0-9]+$", var.release))
    error_message = "A release is a number."
  }
}

provider "file" {
  source = "file"

  allow {
    write = ["./public", "./releases"]
  }
}

module "staging" {
  source  = "./site"
  name    = "staging"
  release = var.release
  pages   = { index = "Open from six.", about = "Three ovens, one cat.", draft = "Soon: cake." }
}

module "production" {
  source  = "./site"
  name    = "production"
  release = var.release
  pages   = { index = "Open from six.", about = "Three ovens, one cat." }

  # Production is looked at when staging is done.
  depends_on = [module.staging]
}

check "same_release" {
  assert {
    condition     = module.staging.release == module.production.release
    error_message = "Staging and production are not of one release."
  }
}

output "roots" {
  value = { staging = module.staging.root, production = module.production.root }
}
