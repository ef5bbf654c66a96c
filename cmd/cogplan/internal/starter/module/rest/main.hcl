# The items of a JSON API, as this module declares them. Three things are to be
# made yours: the origin, the credential, and the object at the end.

cogplan {
  policy {
    paths = ["policy"] # beside the default policy, which is always there
  }
}

# The secret stays with cogplan, which adds it to requests to this origin. The
# provider never sees it. It comes from the environment: export API_TOKEN=…
credential "api" {
  origin = "https://api.example.org"
  kind   = "bearer"
  env    = "API_TOKEN"
}

# The provider is WebAssembly in a sandbox. It can send these requests, and do
# nothing else; while a plan is made, it can only read.
provider "rest" {
  source = "rest"

  allow {
    http {
      origin     = "https://api.example.org"
      methods    = ["GET", "POST", "PUT", "DELETE"]
      paths      = ["/v1/users"]
      credential = "api"
    }
  }

  config {
    base_url = "https://api.example.org/v1"
  }
}

resource "rest" "users" {
  collection = "/users"      # GET lists the items, POST makes one
  item       = "/users/{id}" # PUT changes one, DELETE deletes it
  # prune = true # lets cogplan delete what is taken out of this block

  object "ann" {
    body = {
      name = "ann"
      role = "reader"
    }
  }
}
