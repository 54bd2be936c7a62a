# shellcheck shell=bash
# Chromium, for the test of the web page (tests/clients). Sourced.

readonly BROWSER_HELP='install Chromium (Debian: apt-get install chromium) or Chrome, so that it is found on PATH'

# prepare_browser: the one entry point of this file. Only development needs a browser: where none can
# be had the preparation goes on, and the test says why it is skipped (in CI that fails it).
prepare_browser() {
  local found log
  if found=$(browser_path) && browser_driver_runs; then
    say "browser: $(basename "$found") is here"
    return 0
  fi
  # Ubuntu's package of that name is a snap, which no container and no build machine runs.
  if [[ $(os_release ID) != debian ]] || ! debian_like || ! is_root; then
    say "browser: none that can be driven, and only root on Debian can install one here: the web page is not tested ($BROWSER_HELP)"
    return 0
  fi
  log=$(state_dir)/logs/browser.log
  say "browser: installing chromium and what drives it (log $log)"
  lists_are_fresh || logged "$log" refresh_lists || true
  # libatomic1: Playwright's Node.js needs it, and nothing asks apt for it.
  logged "$log" apt_install chromium libatomic1 || refuse 'chromium could not be installed' "see $log; or $BROWSER_HELP"
  say "browser: $(basename "$(browser_path)") is ready"
}

# browser_driver_runs: whether Playwright's own Node.js finds its libraries. True while there is no
# Playwright: a new machine gets the library along with the browser.
browser_driver_runs() {
  local node
  for node in "$ROOT_DIR"/.venv/lib/python3*/site-packages/playwright/driver/node; do
    [[ ! -x $node ]] || "$node" --version >/dev/null 2>&1 || return 1
  done
}

# browser_path: the same names, in the same order, as tests/clients/web_page.py looks for.
browser_path() {
  command -v chromium || command -v chromium-browser || command -v google-chrome
}
