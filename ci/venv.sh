# shellcheck shell=bash
# The Python environment .venv, with hash-checked requirements and the project itself. Sourced.

readonly PYTHON_MINOR_MIN=11
readonly PYTHON_HELP="install Python 3.$PYTHON_MINOR_MIN or newer with its venv module, and run this again"

# prepare_venv MODE: MODE is runtime or dev. The one entry point of this file.
prepare_venv() {
  local mode=$1 stamp
  stamp=$(venv_stamp "$mode")
  if [[ -x $ROOT_DIR/.venv/bin/python ]] && grep -qxF "$mode $stamp" "$(venv_stamp_file)" 2>/dev/null; then
    say "venv: .venv is up to date ($mode)"
    return 0
  fi
  lend_certificates
  venv_find_uv
  venv_create
  say "venv: installing the $mode requirements"
  venv_install "$mode"
  # A development environment holds all of the runtime one: one stamp for each.
  {
    echo "runtime $(venv_stamp runtime)"
    [[ $mode != dev ]] || echo "dev $stamp"
  } >"$(venv_stamp_file)"
  say "venv: .venv is ready ($("$ROOT_DIR/.venv/bin/python" --version), $mode)"
}

venv_stamp_file() {
  echo "$ROOT_DIR/.venv/.colordrill-stamp"
}

# venv_inputs MODE: the files that decide what is installed.
venv_inputs() {
  local name
  for name in requirements/build.txt requirements/runtime.txt requirements/dev.txt pyproject.toml; do
    [[ $1 == dev || $name != requirements/dev.txt ]] || continue
    [[ ! -f $ROOT_DIR/$name ]] || echo "$ROOT_DIR/$name"
  done
}

# venv_stamp MODE: hash of those files and of where they are (an editable install names its folder).
venv_stamp() {
  local inputs=()
  while IFS= read -r file; do inputs+=("$file"); done < <(venv_inputs "$1")
  { printf '%s\n' "$ROOT_DIR"; cat ${inputs[@]+"${inputs[@]}"}; } | sha256
}

sha256() {
  if command -v sha256sum >/dev/null 2>&1; then
    sha256sum | cut -c1-64
  else
    shasum -a 256 | cut -c1-64
  fi
}

# lend_certificates: a machine behind an inspecting proxy trusts an extra authority in its own
# store; pip and uv look there only when told.
lend_certificates() {
  local bundle
  export UV_NATIVE_TLS=${UV_NATIVE_TLS:-1}
  for bundle in "${SSL_CERT_FILE:-}" /etc/ssl/certs/ca-certificates.crt \
    /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
    if [[ -n $bundle && -r $bundle ]]; then
      export PIP_CERT=${PIP_CERT:-$bundle}
      return 0
    fi
  done
}

# venv_find_uv: sets UV; installs it into a small environment of its own where the machine has none.
venv_find_uv() {
  local bootstrap
  bootstrap=$(state_dir)/uv
  if command -v uv >/dev/null 2>&1 && uv --version >/dev/null 2>&1; then
    UV=$(command -v uv)
  elif [[ -x $bootstrap/bin/uv ]] && "$bootstrap/bin/uv" --version >/dev/null 2>&1; then
    UV=$bootstrap/bin/uv
  else
    say 'venv: installing uv'
    venv_need_bootstrap_python
    rm -rf "$bootstrap"
    logged "$(state_dir)/logs/uv.log" python3 -m venv "$bootstrap" || refuse \
      'python3 cannot create a virtual environment' "$PYTHON_HELP"
    logged "$(state_dir)/logs/uv.log" "$bootstrap/bin/python" -m pip install --quiet --require-hashes \
      -r "$ROOT_DIR/fixtures/images/build/uv.txt" || refuse \
      'uv could not be installed from the package index' \
      'check the network, and pip.conf where the index is a private one'
    UV=$bootstrap/bin/uv
  fi
  venv_lend_index
}

# venv_lend_index: uv does not read pip's configuration, but a private index is configured there.
venv_lend_index() {
  [[ -z ${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-} ]] || return 0
  local index=${PIP_INDEX_URL:-}
  if [[ -z $index ]] && command -v python3 >/dev/null 2>&1; then
    index=$(python3 -m pip config get global.index-url 2>/dev/null || true)
  fi
  [[ -z $index ]] || export UV_DEFAULT_INDEX=$index
}

# venv_need_bootstrap_python: any python3 with venv and pip will do to install uv.
venv_need_bootstrap_python() {
  if python3 -c 'import ensurepip, venv' >/dev/null 2>&1; then
    return 0
  fi
  if ! debian_like || ! is_root; then
    refuse 'there is no python3 with the modules venv and ensurepip' \
      "$PYTHON_HELP (Debian and Ubuntu: apt-get install python3-venv)"
  fi
  say 'venv: installing python3-venv'
  local log
  log=$(state_dir)/logs/python.log
  lists_are_fresh || logged "$log" refresh_lists || true
  logged "$log" apt_install python3-venv || refuse 'python3-venv could not be installed' "see $log"
}

# venv_python: the newest suitable interpreter of the machine; else a version for uv to provide.
venv_python() {
  local name
  for name in python3 python3.14 python3.13 python3.12 python3.11; do
    if "$name" -c "import sys; sys.exit(sys.version_info < (3, $PYTHON_MINOR_MIN))" >/dev/null 2>&1; then
      "$name" -c 'import sys; print(sys.executable)'
      return 0
    fi
  done
  echo 3.12
}

venv_create() {
  local python=$ROOT_DIR/.venv/bin/python
  if [[ -x $python ]] &&
    "$python" -c "import sys; sys.exit(sys.version_info < (3, $PYTHON_MINOR_MIN))" >/dev/null 2>&1; then
    return 0
  fi
  say 'venv: creating .venv'
  rm -rf "$ROOT_DIR/.venv"
  logged "$(state_dir)/logs/venv.log" "$UV" venv --python "$(venv_python)" "$ROOT_DIR/.venv" ||
    refuse "no Python 3.$PYTHON_MINOR_MIN or newer could be had" "$PYTHON_HELP"
}

# venv_install MODE: third-party packages by hash, then the project itself without dependencies.
venv_install() {
  local log arguments=(--python "$ROOT_DIR/.venv/bin/python") name
  log=$(state_dir)/logs/venv.log
  local requirements=()
  for name in runtime dev; do
    [[ $name != dev || $1 == dev ]] || continue
    [[ ! -f $ROOT_DIR/requirements/$name.txt ]] || requirements+=(-r "$ROOT_DIR/requirements/$name.txt")
  done
  if [[ ${#requirements[@]} -gt 0 ]]; then
    logged "$log" "$UV" pip install "${arguments[@]}" --require-hashes "${requirements[@]}" || refuse \
      'the Python requirements could not be installed' "see $log"
  fi
  [[ -f $ROOT_DIR/pyproject.toml ]] || return 0
  local build=()
  [[ ! -f $ROOT_DIR/requirements/build.txt ]] || build=(--build-constraints "$ROOT_DIR/requirements/build.txt")
  logged "$log" "$UV" pip install "${arguments[@]}" --no-deps ${build[@]+"${build[@]}"} \
    --editable "$ROOT_DIR" || refuse 'the project could not be installed into .venv' "see $log"
}
