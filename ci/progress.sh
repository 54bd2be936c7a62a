# shellcheck shell=bash
# Progress lines, timings and refusals, shared by the steps of ci/prepare. Sourced, never run.

# Exit code of every "this machine lacks something" refusal; the same as colordrill's own.
readonly EXIT_ENVIRONMENT=4

# now_ms: milliseconds since the epoch. Bash 5 knows microseconds by itself; macOS ships bash 3.2.
now_ms() {
  if [[ -n ${EPOCHREALTIME:-} ]]; then
    local micro=${EPOCHREALTIME/[.,]/}
    echo $((micro / 1000))
  else
    echo $(($(date +%s) * 1000))
  fi
}

PREPARE_STARTED_MS=$(now_ms)
readonly PREPARE_STARTED_MS

# say TEXT...: one progress line, with the seconds since the start.
say() {
  local elapsed_ms=$(($(now_ms) - PREPARE_STARTED_MS))
  printf '[%3d.%d s] %s\n' $((elapsed_ms / 1000)) $((elapsed_ms % 1000 / 100)) "$*"
}

# refuse CAUSE NEXT_STEP: says what is wrong and what to do about it, and ends the whole preparation.
refuse() {
  {
    printf 'prepare: %s\n' "$1"
    printf '  next step: %s\n' "$2"
  } >&2
  exit "$EXIT_ENVIRONMENT"
}

# logged LOG COMMAND...: runs a command with its output in a file; on failure shows the file's end.
logged() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  local status=0
  "$@" >"$log" 2>&1 || status=$?
  if ((status == 0)); then
    return 0
  fi
  printf 'prepare: "%s" failed with exit code %d; the end of %s:\n' "$*" "$status" "$log" >&2
  tail -n 25 "$log" | sed 's/^/  | /' >&2
  return "$status"
}

# bounded SECONDS COMMAND...: the command under a time limit where the machine has one to offer.
bounded() {
  local limit_s=$1
  shift
  if command -v timeout >/dev/null 2>&1; then
    timeout --kill-after=5 "$limit_s" "$@"
  else
    "$@"
  fi
}

# state_dir: where this user's logs, locks and stamps lie; the same folder as colordrill's own.
state_dir() {
  echo "${XDG_STATE_HOME:-$HOME/.local/state}/colordrill"
}

# debian_like: whether this is Debian or Ubuntu (or one made from them) and we are root.
debian_like() {
  [[ -r /etc/os-release ]] && command -v apt-get >/dev/null 2>&1
}

is_root() {
  [[ $(id -u) -eq 0 ]]
}

# os_release KEY: one value of /etc/os-release, empty when it is not there.
os_release() {
  (
    # shellcheck source=/dev/null
    . /etc/os-release 2>/dev/null || true
    local name=$1
    printf '%s' "${!name:-}"
  )
}
