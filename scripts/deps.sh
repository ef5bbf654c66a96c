#!/usr/bin/env bash
# Installs the Debian packages that `make check` needs and that are not there
# yet. Go itself is expected (see go.mod for the version).
set -euo pipefail

# command:package. The race detector of `go test -race` needs a C compiler; the
# provider rest is tested against a real PowerDNS, and TCP against PostgreSQL. The
# templates of providers are built with clang, Rust and npm; completion is tried in a
# bash that has it, and the manual pages are read.
needs=(git:git make:make gcc:gcc pdns_server:pdns-server sqlite3:sqlite3 clang:clang wasm-ld:lld npm:npm man:man-db)

missing=()
for need in "${needs[@]}"; do
  command -v "${need%%:*}" >/dev/null 2>&1 || missing+=("${need##*:}")
done
# gcc without the C library's headers can't build the race runtime's glue.
if command -v gcc >/dev/null 2>&1 && ! echo '#include <stdlib.h>' | gcc -E -x c - >/dev/null 2>&1; then
  missing+=(libc6-dev)
fi
if [[ " ${missing[*]-} " == *" gcc "* ]]; then missing+=(libc6-dev); fi
[[ -e /usr/include/wasm32-wasi/stdio.h ]] || missing+=(wasi-libc)
compgen -G '/usr/lib/llvm-*/lib/clang/*/lib/wasi/libclang_rt.builtins-wasm32.a' >/dev/null || missing+=(libclang-rt-dev-wasm32)
# Any Rust that has its library for WebAssembly will do, Debian's in /usr/bin too.
has_rust() {
  local rustc root
  for rustc in rustc /usr/bin/rustc; do
    root=$("$rustc" --print sysroot 2>/dev/null) || continue
    if compgen -G "$root/lib/rustlib/wasm32-wasi*" >/dev/null; then return 0; fi
  done
  return 1
}
has_rust || missing+=(rustc cargo libstd-rust-dev-wasm32)
[[ -e /usr/share/bash-completion/bash_completion ]] || missing+=(bash-completion)
[[ -e /usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql ]] || missing+=(pdns-backend-sqlite3)
# Debian keeps initdb off the path.
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null 2>&1 || missing+=(postgresql)

command -v go >/dev/null 2>&1 || { echo "Go is missing: install the version that go.mod names, https://go.dev/dl/" >&2; exit 1; }
if ((${#missing[@]} == 0)); then
  echo "all packages are there"
  exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
  echo "please install: ${missing[*]}" >&2
  exit 1
fi
sudo=()
if ((EUID != 0)); then sudo=(sudo); fi
"${sudo[@]}" apt-get update -qq
# RUNLEVEL=1 keeps the packages from starting servers: the tests start their own.
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}"
