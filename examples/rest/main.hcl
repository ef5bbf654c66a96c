# Zones and records of a PowerDNS server, through its HTTP API. Nothing here is
# made for PowerDNS: the provider rest manages the items of any JSON API.
#
#   PDNS_API_KEY=… cogplan apply

variable "address" {
  type        = string
  default     = "192.0.2.10"
  description = "where the site is served"
}

# The key stays with cogplan: it adds the header to requests to this origin. The
# provider never sees it.
credential "pdns" {
  origin = "http://127.0.0.1:8081"
  kind   = "header"
  name   = "X-API-Key"
  env    = "PDNS_API_KEY"
}

provider "rest" {
  source = "rest"
  allow {
    http {
      origin     = "http://127.0.0.1:8081"
      methods    = ["GET", "POST", "PUT", "PATCH", "DELETE"]
      paths      = ["/api/v1/servers/localhost/zones"]
      private    = true
      credential = "pdns"
    }
  }
  config {
    base_url = "http://127.0.0.1:8081/api/v1/servers/localhost"
  }
}

locals {
  zone = "example.org."
}

resource "rest" "zones" {
  prune      = true
  collection = "/zones"
  item       = "/zones/{id}"

  create {
    # Only a new zone takes these; later they are records like others.
    with = { nameservers = ["ns1.${local.zone}", "ns2.${local.zone}"] }
  }

  object "example.org." {
    body = {
      kind    = "Native"
      account = "web"
    }
  }
  object "example.net." {
    body = { kind = "Native" }
  }
}

# A record set has no address of its own: all changes are a PATCH of its zone.
resource "rest" "records" {
  prune = true

  # What a zone is called is known when it is there: until then this resource
  # waits, and is planned and reviewed afterwards.
  collection = "/zones/${rest.zones.objects.object[local.zone].id}"
  items      = "/rrsets"
  name       = "{name} {type}"
  unordered  = ["records"]

  create {
    method = "PATCH"
    path   = "/zones/${local.zone}"
    wrap   = "/rrsets/0"
    with   = { changetype = "REPLACE" }
  }
  update {
    method = "PATCH"
    path   = "/zones/${local.zone}"
    body   = "declared"
    wrap   = "/rrsets/0"
    with   = { changetype = "REPLACE" }
  }
  delete {
    method = "PATCH"
    path   = "/zones/${local.zone}"
    body   = "key"
    wrap   = "/rrsets/0"
    with   = { changetype = "DELETE" }
  }

  object "www.example.org. A" {
    body = {
      name    = "www.${local.zone}"
      type    = "A"
      ttl     = 300
      records = [{ content = var.address }, { content = "192.0.2.11" }]
    }
  }
  object "example.org. MX" {
    body = {
      name    = local.zone
      type    = "MX"
      ttl     = 3600
      records = [{ content = "10 mail.${local.zone}" }]
    }
  }
}
