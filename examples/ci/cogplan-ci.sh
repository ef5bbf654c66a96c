#!/bin/sh
# What the jobs do, the same on every forge and on your machine:
#
#   cogplan-ci.sh plan    plans, asks policy, and writes plan.cog and its reports
#   cogplan-ci.sh apply   applies plan.cog with the approval in $APPROVAL, and
#                         keeps what was recorded
#
# What is recorded of the world is kept on the branch $STATE_BRANCH of the same
# repository, where one commit is one apply. It holds no secret value, but the key
# of the hashes of secret ones: where there are any, the repository is private. Two
# applies never run at once: the workflows see to it, and a push that is late is
# refused.
#
#   TRUST           for apply: the file with the keys of those who may approve
#   APPROVAL        for apply: the approval, as `cogplan approve` printed it
#   STATE_BRANCH    cogplan-state
set -eu

branch=${STATE_BRANCH:-cogplan-state}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# load_state brings .cog of the last apply here; where there is none yet, nothing
# is recorded, and the plan says so.
load_state() {
  if git ls-remote --exit-code origin "refs/heads/$branch" >/dev/null; then
    git fetch --quiet --depth 1 origin "refs/heads/$branch" # a tag of this name is not it
    rm -rf .cog
    git archive -o "$work/state.tar" FETCH_HEAD .cog
    (umask 077 && tar -x --no-same-permissions -f "$work/state.tar") # as cogplan makes them
    base=$(git rev-parse FETCH_HEAD)
  else
    code=$?
    [ "$code" -eq 2 ] || exit "$code" # 2: there is no such branch; else nobody knows
    base=
  fi
}

# save_state keeps .cog, whatever came of the apply: what was created must not be
# forgotten. Nothing is forced. It stops at the first step that fails: a commit of
# a part would forget the rest, and git takes a push of no commit for a deletion.
save_state() {
  [ -d .cog ] || return 0
  # The locks belong to this machine alone.
  find .cog -type f ! -name lock ! -name .lock >"$work/files"
  while read -r name; do
    blob=$(git hash-object -w --no-filters "$name")
    printf '100644 %s\t%s\n' "$blob" "$name"
  done <"$work/files" >"$work/entries"
  index=$work/index
  GIT_INDEX_FILE=$index git read-tree --empty
  GIT_INDEX_FILE=$index git update-index --index-info <"$work/entries"
  tree=$(GIT_INDEX_FILE=$index git write-tree)
  if [ -n "$base" ] && [ "$tree" = "$(git rev-parse "$base^{tree}")" ]; then
    return 0
  fi
  commit=$(git -c user.name=cogplan -c user.email=cogplan@localhost commit-tree "$tree" ${base:+-p "$base"} -m "State after $(git rev-parse --short HEAD)")
  git push --quiet origin "$commit:refs/heads/$branch"
}

case ${1:-} in
plan)
  rm -f plan.cog plan.json plan.md policy.sarif policy.xml
  load_state
  code=0
  cogplan plan -lockfile=readonly -input=false -out plan.cog -json plan.json -markdown plan.md \
    -sarif policy.sarif -junit policy.xml -detailed-exitcode || code=$?
  case $code in
  0) echo "Nothing to do." ;;
  2 | 4)
    # There are changes; whether they wait for an approval, apply checks. A program
    # that crashed ends with 2 as well, and without its reports.
    for file in plan.cog plan.json plan.md policy.sarif policy.xml; do
      [ -s "$file" ] || {
        echo "cogplan plan ended with $code and without $file." >&2
        exit 1
      }
    done
    ;;
  *) exit "$code" ;;
  esac
  ;;
apply)
  load_state
  printf '%s\n' "${APPROVAL:?is the approval of the plan}" >"$work/approval"
  code=0
  cogplan apply -lockfile=readonly -input=false -approval "$work/approval" -trust "${TRUST:?names the file with the keys of those who may approve}" \
    -json=apply.json -markdown apply.md plan.cog || code=$?
  set +e
  (set -e && save_state) # behind || the shell would go on after a failure in it
  kept=$?
  set -e
  if [ "$kept" -ne 0 ]; then
    echo "The state was applied and not kept: keep .cog of this job, and see who pushed to $branch." >&2
    [ "$code" -ne 0 ] || code=1
  fi
  exit "$code"
  ;;
*)
  echo "usage: cogplan-ci.sh plan|apply" >&2
  exit 64
  ;;
esac
