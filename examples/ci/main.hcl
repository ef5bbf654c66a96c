# A web site on a machine that CI deploys to. Nobody applies by hand: a pull request
# shows the plan, a person approves it, a protected job applies exactly it.

cogplan {
  policy {
    paths = ["policy"]
  }
}

provider "file" {
  source = "file"

  allow {
    read  = ["./site"]
    write = ["/srv/www"]
  }
}

resource "file" "site" {
  root  = "/srv/www/site"
  prune = true

  tree {
    from = "./site"
    to   = "."
  }
}
