# shellcheck shell=bash
# A working Docker engine with compose v2 and buildx: found, started or installed. Sourced.

readonly ENGINE_WAIT_S=60
readonly ENGINE_HELP='install Docker Engine 24 or newer with the compose and buildx plug-ins (or Docker Desktop), start it, and see to it that "docker info" works for this user'

# engine_answers: whether the client reaches an engine. An engine that hangs counts as none.
engine_answers() {
  command -v docker >/dev/null 2>&1 && bounded 15 docker info --format '{{.ServerVersion}}' >/dev/null 2>&1
}

# prepare_engine: the one entry point of this file.
prepare_engine() {
  if ! engine_answers; then
    engine_refuse_where_not_ours
    if ! command -v dockerd >/dev/null 2>&1; then
      engine_install
    fi
    engine_start
  fi
  engine_plugins
  say "engine: Docker $(docker info --format '{{.ServerVersion}}, {{.Driver}}, {{.NCPU}} cores'), \
compose $(docker compose version --short), $(docker buildx version | awk '{print $2}')"
}

# engine_refuse_where_not_ours: an engine that the user pointed at, or that needs a user's hand, is
# never replaced by one of our own.
engine_refuse_where_not_ours() {
  if [[ -n ${DOCKER_HOST:-} ]]; then
    refuse "DOCKER_HOST is set to $DOCKER_HOST and no engine answers there" \
      'start that engine, or unset DOCKER_HOST'
  fi
  if command -v docker >/dev/null 2>&1 &&
    bounded 15 docker info 2>&1 | grep -qi 'permission denied'; then
    refuse 'a Docker engine is running, but this user may not talk to it' \
      'add the user to the group "docker" and log in again, or use rootless Docker and set DOCKER_HOST'
  fi
  if ! debian_like; then
    refuse 'no Docker engine answers, and this is not a Debian or Ubuntu machine' "$ENGINE_HELP"
  fi
  if ! is_root; then
    refuse 'no Docker engine answers, and only root may install or start one' \
      "run ci/prepare once as root; or $ENGINE_HELP"
  fi
}

# engine_packages: the names of engine, client, compose and buildx in this distribution.
engine_packages() {
  case "$(os_release ID)" in
    ubuntu) echo docker.io docker-compose-v2 docker-buildx ;;
    *) echo docker.io docker-cli docker-compose docker-buildx ;;
  esac
}

# engine_suite: the later suite that the packages must come from, empty when the machine's own will
# do. Debian 12's engine is 20.10 with compose v1; the next suite's runs on Debian 12's libc.
engine_suite() {
  case "$(os_release ID):$(os_release VERSION_ID)" in
    debian:12) echo trixie ;;
    *) ;;
  esac
}

engine_install() {
  local log suite packages
  log=$(state_dir)/logs/engine-install.log
  suite=$(engine_suite)
  read -ra packages <<<"$(engine_packages)"
  say "engine: installing ${packages[*]} (log $log)"
  if [[ -n $suite ]]; then
    add_suite "$suite" "${packages[@]}"
  fi
  logged "$log" refresh_lists || refuse \
    'the package lists could not be refreshed' 'repair "apt-get update", then run this again'
  # iptables: named because recommended packages are not installed, and bridges need it.
  logged "$log" apt_install "${packages[@]}" iptables || refuse \
    'the Docker engine could not be installed' "see $log; or $ENGINE_HELP"
  hash -r
}

# engine_start: by the service manager where there is one; else as a process that outlives us.
engine_start() {
  if [[ -d /run/systemd/system ]]; then
    say 'engine: starting it by systemd'
    systemctl start docker || true
  elif ! engine_process_runs; then
    say "engine: starting dockerd (log $(engine_log))"
    rm -f /var/run/docker.pid
    # setsid and the closed streams: the engine must survive this script, its terminal and its
    # process group, and must not hold the preparation's lock (descriptor 9) for ever.
    setsid --fork dockerd </dev/null >>"$(engine_log)" 2>&1 9>&-
  fi
  engine_wait
}

engine_log() {
  echo /var/log/colordrill-dockerd.log
}

# engine_process_runs: whether the process in dockerd's PID file is there and is dockerd.
engine_process_runs() {
  local pid
  pid=$(cat /var/run/docker.pid 2>/dev/null) || return 1
  [[ -n $pid && $(cat "/proc/$pid/comm" 2>/dev/null) == dockerd ]]
}

engine_wait() {
  local deadline=$((SECONDS + ENGINE_WAIT_S))
  until engine_answers; do
    if ((SECONDS >= deadline)); then
      engine_last_words >&2
      refuse "the Docker engine did not answer \"docker info\" within $ENGINE_WAIT_S s" \
        "read $(engine_log) (or journalctl -u docker); $ENGINE_HELP"
    fi
    sleep 0.3
  done
}

engine_last_words() {
  if [[ -d /run/systemd/system ]]; then
    journalctl -u docker --no-pager -n 25 2>/dev/null || true
  else
    tail -n 25 "$(engine_log)" 2>/dev/null || true
  fi
}

# engine_plugins: an engine alone is not enough; installs the plug-ins where that is ours to do.
engine_plugins() {
  if plugins_work; then
    return 0
  fi
  if debian_like && is_root && [[ -z ${DOCKER_HOST:-} ]]; then
    engine_install
  fi
  plugins_work || refuse \
    'the Docker client has no "docker compose" (v2) or no "docker buildx"' \
    'install the docker-compose (or docker-compose-plugin) and docker-buildx packages'
}

plugins_work() {
  docker compose version --short >/dev/null 2>&1 && docker buildx version >/dev/null 2>&1
}
