#!/bin/sh
# Shows the main job on a scratch copy of examples/site, and checks it: each
# command is printed before it is run, and the script fails at the first exit
# code that is not the expected one. KEEP=1 leaves the copy behind.
set -eu

tree=$(cd "$(dirname "$0")/.." && pwd)
COGPLAN=${COGPLAN:-$tree/bin/cogplan}
[ -x "$COGPLAN" ] || { echo "demo: $COGPLAN is not there: run make build" >&2; exit 1; }

scratch=$(mktemp -d "${TMPDIR:-/tmp}/cogplan-demo.XXXXXX")
if [ -z "${KEEP:-}" ]; then trap 'rm -rf "$scratch"' EXIT; fi
trap 'exit 130' INT TERM
cp -R "$tree/examples/site/." "$scratch"
rm -rf "$scratch/public" "$scratch/.cog"
cd "$scratch"

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  dim=$(printf '\033[2m') bold=$(printf '\033[1m') red=$(printf '\033[31m') off=$(printf '\033[0m')
else
  dim='' bold='' red='' off=''
fi

steps=0

say() { printf '\n%s# %s%s\n' "$dim" "$*" "$off"; }

die() {
  printf '%sdemo: %s%s\n' "$red" "$*" "$off" >&2
  exit 1
}

# run EXPECTED ARGUMENTS...: prints and runs cogplan, and checks its exit code.
run() {
  expected=$1
  shift
  printf '%s$ cogplan %s%s\n' "$bold" "$*" "$off"
  code=0
  "$COGPLAN" "$@" </dev/null || code=$?
  [ "$code" -eq "$expected" ] || die "cogplan $* ended with exit code $code, expected $expected"
  [ "$code" -eq 0 ] || printf '%s(exit code %s)%s\n' "$dim" "$code" "$off"
  steps=$((steps + 1))
}

# edit SED-PROGRAM: changes main.hcl and shows how.
edit() {
  cp main.hcl .before
  sed "$1" .before >main.hcl
  if diff -u .before main.hcl >.diff; then die "the edit changed nothing: $1"; fi
  sed -e 1,2d .diff
  rm -f .before .diff
}

check() { # check DESCRIPTION COMMAND...
  what=$1
  shift
  "$@" || die "expected that $what"
}

say 'Is the module in order? No provider runs against the world for that.'
run 0 validate

say 'What would be done? Nothing is changed yet.'
run 2 plan -detailed-exitcode
check 'planning writes nothing' test ! -e public

say 'Do it. (Without -auto-approve, apply shows the plan and asks.)'
run 0 apply -auto-approve
check 'the page is there' grep -q '<h1>Harbour Bakery</h1>' public/site/index.html
check 'the sums are right' sh -c 'cd public/site && sha256sum -c --quiet ../release/SHA256SUMS 2>/dev/null || shasum -a 256 -c ../release/SHA256SUMS >/dev/null'

say 'Again: there is nothing to do.'
run 0 plan -detailed-exitcode

say 'Somebody edits a page by hand. The plan shows the drift...'
printf '%s$ echo "<p>free cake</p>" >> public/site/index.html%s\n' "$bold" "$off"
echo '<p>free cake</p>' >>public/site/index.html
run 2 plan -detailed-exitcode

say '... and apply mends it.'
run 0 apply -auto-approve
check 'the cake is gone' sh -c '! grep -q cake public/site/index.html'

say 'We take robots.txt out of main.hcl:'
edit '/^  file "robots.txt" {/,/^  }/d'
say 'That would delete a file, and the resource has no "prune = true". The policy says no.'
run 3 plan
run 3 apply -auto-approve
check 'nothing was deleted' test -f public/site/robots.txt

say 'We allow it:'
edit 's|^  root = "./public/site"|  prune = true\
  root  = "./public/site"|'
run 0 apply -auto-approve
check 'the file is gone' test ! -e public/site/robots.txt

say 'All is as declared.'
run 0 plan -detailed-exitcode

printf '\n%sdemo: %s commands did what they should.%s\n' "$bold" "$steps" "$off"
[ -z "${KEEP:-}" ] || echo "The copy is in $scratch."
