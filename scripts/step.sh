# Sourced by setup, start and test: one line a step with the time it took; its output is shown only when it fails.

step_log=
trap '[ -z "$step_log" ] || rm -f "$step_log"' EXIT
trap 'echo; exit 130' INT TERM

step() { # name, command…
  local name=$1 begin
  shift
  begin=$(date +%s%N)
  step_log=$(mktemp)
  printf '  %-28s' "$name"
  if ! "$@" >"$step_log" 2>&1; then
    echo 'failed'
    tail -n 20 "$step_log" | sed 's/^/    /' >&2
    echo "k3ts: $name: $*: failed; $(step_hint "$step_log")" >&2
    exit 1
  fi
  awk -v a="$begin" -v b="$(date +%s%N)" 'BEGIN { printf "%.2f s\n", (b - a) / 1e9 }'
  sed -n 's/^notice: /    /p' "$step_log"
  rm -f "$step_log"
}

step_hint() { # log
  if grep -qE 'ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ENETUNREACH|Temporary failure resolving|Could not resolve|Failed to fetch|Unable to fetch' "$1"; then
    echo 'the network or the package source cannot be reached; what is installed already stays, so run this again when it can'
  elif grep -qE 'ENOSPC|No space left' "$1"; then
    echo 'the disk is full; make room and run this again'
  elif grep -qE 'EACCES|EPERM|Permission denied|are you root' "$1"; then
    echo 'the files here belong to another user; run this as that user or as root'
  else
    echo 'the lines above say why; running this again goes on where it stopped'
  fi
}
