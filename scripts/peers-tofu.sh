#!/bin/bash
# Builds OpenTofu and its provider of local files into bin/peers, from the
# sources that Go's module proxy has. OpenTofu replaces a module of its own, so
# `go install` does not take it, and the provider is the newest one that is a Go
# module of the name it says it has: it hashes less than later ones do.
set -euo pipefail

bin=$(cd "$(dirname "$0")/.." && pwd)/bin/peers
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$bin"

# build MODULE PACKAGE NAME
build() {
  local dir
  # Outside of any module: nothing here is to depend on it.
  dir=$(cd "$scratch" && go mod download -json "$1" | sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p')
  mkdir -p "$scratch/$3"
  cp -r "$dir/." "$scratch/$3/"
  chmod -R u+w "$scratch/$3"
  echo "building $3 ($1)"
  (cd "$scratch/$3" && GOFLAGS= go build -trimpath -o "$bin/$3" "$2")
}

build github.com/hashicorp/terraform-provider-local@v1.4.0 . terraform-provider-local
build github.com/opentofu/opentofu@v1.12.6 ./cmd/tofu tofu
