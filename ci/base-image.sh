# shellcheck shell=bash
# The base of every image, debian:trixie-slim: present, pulled, or made from Debian's packages. Sourced.

readonly BASE_IMAGE=debian:trixie-slim
readonly BASE_SUITE=trixie
readonly BASE_PULL_LIMIT_S=180
# Pinned where it can be pulled, so that two machines build on the same bytes.
readonly BASE_DIGEST=sha256:3a39a0592364683e6bab97937b72cad5a8fa6dcbbee90edb3bb48c7f8e94f258
readonly BASE_HELP="see to it that \"docker pull $BASE_IMAGE\" works (a registry mirror will do), or load that image from a file with \"docker load\""

# prepare_base_image: the one entry point of this file.
prepare_base_image() {
  if docker image inspect "$BASE_IMAGE" >/dev/null 2>&1; then
    say "base image: $BASE_IMAGE is here ($(base_image_id))"
    return 0
  fi
  say "base image: pulling $BASE_IMAGE"
  if base_pull; then
    say "base image: pulled ($(base_image_id))"
    return 0
  fi
  say 'base image: no registry can be reached; making it from Debian packages'
  base_bootstrap
  say "base image: made ($(base_image_id))"
}

base_image_id() {
  docker image inspect --format '{{slice .Id 7 19}}' "$BASE_IMAGE"
}

# base_pull: the pinned bytes; else the tag as it is today (a registry mirror may not have the pin).
base_pull() {
  local log
  log=$(state_dir)/logs/base-image-pull.log
  mkdir -p "$(dirname "$log")"
  if bounded "$BASE_PULL_LIMIT_S" docker pull --quiet "debian@$BASE_DIGEST" >"$log" 2>&1; then
    docker tag "debian@$BASE_DIGEST" "$BASE_IMAGE"
    return 0
  fi
  # Only "the pin is not there" is worth a second try: an unreachable registry was waited for once.
  if grep -qiE 'not found|manifest unknown|no such manifest' "$log" &&
    ! grep -qi 'no such host' "$log"; then
    bounded "$BASE_PULL_LIMIT_S" docker pull --quiet "$BASE_IMAGE" >>"$log" 2>&1
    return
  fi
  return 1
}

# base_bootstrap: the same contents from the machine's own Debian archive.
base_bootstrap() {
  local log started_ms
  log=$(state_dir)/logs/base-image.log
  if ! debian_like || [[ $(os_release ID) != debian ]]; then
    refuse "the image $BASE_IMAGE cannot be pulled: $(tail -n 1 "$(state_dir)/logs/base-image-pull.log")" "$BASE_HELP"
  fi
  if ! command -v mmdebstrap >/dev/null 2>&1; then
    is_root || refuse "the image $BASE_IMAGE cannot be pulled, and mmdebstrap is not installed" \
      "install mmdebstrap (as root: apt-get install mmdebstrap), or $BASE_HELP"
    say 'base image: installing mmdebstrap'
    lists_are_fresh || logged "$log" refresh_lists || true
    logged "$log" apt_install mmdebstrap || refuse 'mmdebstrap could not be installed' "see $log"
  fi
  started_ms=$(now_ms)
  logged "$log" base_import || refuse "the image $BASE_IMAGE could not be made" "see $log; or $BASE_HELP"
  say "base image: mmdebstrap took $((($(now_ms) - started_ms) / 1000)) s"
}

# base_import: bootstraps into a pipe. The sources written into the image are the machine's own
# archive, so that apt works in builds as well as it does on the machine.
base_import() {
  local source uri security
  source=$(own_source) || return 1
  uri=${source%%$'\t'*}
  local lines=("deb $uri $BASE_SUITE main" "deb $uri $BASE_SUITE-updates main")
  # By the convention of Debian's mirrors the security archive lies beside the main one.
  security=$(own_security_uri)
  if [[ -n $security ]]; then
    lines+=("deb $security $BASE_SUITE-security main")
  fi
  # dpkg's excludes are those of the published "slim" images: no manuals, no translations.
  printf '%s\n' "${lines[@]}" |
    mmdebstrap --variant=minbase --include=ca-certificates \
      --dpkgopt='path-exclude=/usr/share/man/*' \
      --dpkgopt='path-exclude=/usr/share/locale/*' \
      --dpkgopt='path-exclude=/usr/share/doc/*' \
      --dpkgopt='path-include=/usr/share/doc/*/copyright' \
      "$BASE_SUITE" - - |
    docker import --change 'CMD ["bash"]' - "$BASE_IMAGE"
}

# own_security_uri: the machine's security archive, empty when its sources name none.
own_security_uri() {
  grep -rhsoE 'https?://[^ ]*debian-security[^ ]*' "$APT_SOURCES_DIR/sources.list" \
    "$APT_SOURCES_DIR/sources.list.d" | grep -v snapshot | head -n 1 || true
}
