# shellcheck shell=bash
# The machine's own Debian packages: where they come from, and how they are installed. Sourced.
#
# No address is written down in this project: a suite that the machine does not know is added by
# repeating one of the machine's own Debian sources with the suite's name exchanged.

readonly APT_SOURCES_DIR=/etc/apt

# own_source: "URI<TAB>KEYRING" of the machine's first Debian archive that is not a security or
# third-party one. Reads the deb822 form and the one-line form.
own_source() {
  local files=()
  while IFS= read -r file; do files+=("$file"); done < <(
    find "$APT_SOURCES_DIR/sources.list.d" "$APT_SOURCES_DIR/sources.list" -type f \
      \( -name '*.sources' -o -name '*.list' \) ! -name 'colordrill-*' 2>/dev/null | sort
  )
  [[ ${#files[@]} -gt 0 ]] || return 1
  local found
  found=$(own_source_deb822 "${files[@]}")
  [[ -n $found ]] || found=$(own_source_one_line "${files[@]}")
  [[ -n $found ]] || return 1
  printf '%s\n' "$found"
}

# own_source_deb822 FILE...: from the *.sources among the files.
own_source_deb822() {
  local codename
  codename=$(os_release VERSION_CODENAME)
  awk -v suite="$codename" '
    function flush() {
      if (deb && uri != "" && has_suite && enabled && !done) { print uri "\t" key; done = 1 }
      deb = 0; uri = ""; key = ""; has_suite = 0; enabled = 1
    }
    BEGIN { enabled = 1 }
    FILENAME !~ /\.sources$/ { next }
    FNR == 1 { flush() }
    /^[[:space:]]*$/ { flush(); next }
    /^#/ { next }
    { field = tolower($1) }
    field == "types:" { for (i = 2; i <= NF; i++) if ($i == "deb") deb = 1 }
    field == "uris:" { uri = $2 }
    field == "suites:" { for (i = 2; i <= NF; i++) if ($i == suite) has_suite = 1 }
    field == "signed-by:" { key = $2 }
    field == "enabled:" { enabled = (tolower($2) != "no") }
    END { flush() }
  ' "$@"
}

# own_source_one_line FILE...: from the *.list among the files ("deb [options] uri suite …").
own_source_one_line() {
  local codename
  codename=$(os_release VERSION_CODENAME)
  awk -v suite="$codename" '
    FILENAME !~ /\.list$/ || $1 != "deb" || done { next }
    {
      line = $0; key = ""
      if (match(line, /\[[^]]*\]/)) {
        options = substr(line, RSTART + 1, RLENGTH - 2)
        line = substr(line, 1, RSTART - 1) substr(line, RSTART + RLENGTH)
        if (match(options, /signed-by=[^ ]+/)) key = substr(options, RSTART + 10, RLENGTH - 10)
      }
      n = split(line, word, /[ \t]+/)
      if (n >= 3 && word[3] == suite) { print word[2] "\t" key; done = 1 }
    }
  ' "$@"
}

# add_suite SUITE PACKAGE...: makes SUITE of the machine's own archive known to apt. Only the named
# packages are taken from it; all others stay at a priority (100) at which nothing comes unasked.
# (Naming "package/suite" on the command line would drag in dependencies of that suite: its libc.)
add_suite() {
  local suite=$1 source uri key
  shift
  source=$(own_source) || refuse \
    "no Debian archive is among this machine's package sources" \
    "add one to $APT_SOURCES_DIR/sources.list.d, or install Docker 24 or newer yourself"
  uri=${source%%$'\t'*}
  key=${source#*$'\t'}
  {
    printf '# Written by colordrill (ci/prepare) for the Docker engine; safe to remove.\n'
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n' "$uri" "$suite"
    printf 'Signed-By: %s\n' "${key:-/usr/share/keyrings/debian-archive-keyring.gpg}"
  } >"$APT_SOURCES_DIR/sources.list.d/colordrill-$suite.sources"
  {
    printf '# Written by colordrill (ci/prepare); safe to remove.\n'
    printf 'Package: %s\nPin: release n=%s\nPin-Priority: 990\n\n' "$*" "$suite"
    printf 'Package: *\nPin: release n=%s\nPin-Priority: 100\n' "$suite"
  } >"$APT_SOURCES_DIR/preferences.d/colordrill-$suite"
}

# refresh_lists: apt-get update for the distribution's own archives only. A third-party source that
# cannot be reached (they are common on build machines) must not stop the preparation.
refresh_lists() {
  local parts
  parts=$(mktemp -d)
  grep -lsE '(debian|ubuntu)-?(archive|ports)?[-a-z0-9]*(\.gpg|\.pgp|-keyring)|/(debian|ubuntu|debian-security)(/| |$)' \
    "$APT_SOURCES_DIR"/sources.list.d/* 2>/dev/null | while IFS= read -r file; do
    cp "$file" "$parts/"
  done
  local status=0
  apt-get update -q -o Dir::Etc::sourceparts="$parts" -o APT::Get::List-Cleanup=0 || status=$?
  rm -rf "$parts"
  return "$status"
}

# apt_install PACKAGE...: without questions, without recommended extras, waiting for a busy apt.
apt_install() {
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
    -o DPkg::Lock::Timeout=120 "$@"
}

# lists_are_fresh: whether package lists were fetched within the last day.
lists_are_fresh() {
  [[ -n $(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -mmin -1440 2>/dev/null | head -n 1) ]]
}
