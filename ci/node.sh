# shellcheck shell=bash
# Node.js and the npm client that tests/clients holds against the reference service. Sourced.

readonly NODE_MAJOR_MIN=18
readonly NODE_HELP="install Node.js $NODE_MAJOR_MIN or newer with npm (Debian and Ubuntu: apt-get install nodejs npm)"

# prepare_node: the one entry point of this file. As with the browser, a machine without Node.js that
# nothing can be installed on is prepared without it.
prepare_node() {
  local folder=$ROOT_DIR/tests/clients/npm log stamp
  if ! node_suffices; then
    if ! debian_like || ! is_root; then
      say "node: no Node.js $NODE_MAJOR_MIN with npm, and only root on Debian or Ubuntu can install it here: the npm client is not tested ($NODE_HELP)"
      return 0
    fi
    node_install
  fi
  stamp=$(cat "$folder/package.json" "$folder/package-lock.json" | sha256)
  if [[ $(cat "$folder/node_modules/.colordrill-stamp" 2>/dev/null) == "$stamp" ]]; then
    say "node: the npm client is up to date (Node.js $(node --version))"
    return 0
  fi
  log=$(state_dir)/logs/node.log
  say 'node: installing the npm client'
  lend_node_certificates
  # ci: exactly what the lock file names, each with its hash; no package's own scripts are run.
  logged "$log" npm --prefix "$folder" ci --ignore-scripts --no-audit --no-fund || refuse \
    'the npm client could not be installed' "see $log; npm's own configuration names its registry"
  echo "$stamp" >"$folder/node_modules/.colordrill-stamp"
  say "node: the npm client is ready (Node.js $(node --version))"
}

node_suffices() {
  command -v npm >/dev/null 2>&1 &&
    node -e "process.exit(parseInt(process.versions.node) < $NODE_MAJOR_MIN ? 1 : 0)" >/dev/null 2>&1
}

# node_install: npm is left out where Node.js came with one (those of NodeSource do, and conflict).
node_install() {
  local log packages=(nodejs)
  log=$(state_dir)/logs/node-install.log
  command -v npm >/dev/null 2>&1 || packages+=(npm)
  say "node: installing ${packages[*]} (log $log)"
  lists_are_fresh || logged "$log" refresh_lists || true
  logged "$log" apt_install "${packages[@]}" || refuse 'Node.js could not be installed' "see $log; or $NODE_HELP"
  hash -r
  node_suffices || refuse "the distribution's Node.js is $(node --version), too old" "$NODE_HELP"
}

# lend_node_certificates: Node.js, too, trusts its own authorities only, unless told.
lend_node_certificates() {
  lend_certificates
  [[ -z ${PIP_CERT:-} ]] || export NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS:-$PIP_CERT}
}
