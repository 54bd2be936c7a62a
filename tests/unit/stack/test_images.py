from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

import pytest

from colordrill.errors import EnvironmentProblem
from colordrill.stack import image_build, images
from colordrill.stack.image_source import IMAGES, content_digest, stage

# A stand-in for the docker command: its images are files under $ENGINE, named by reference; a build
# takes a moment, so that two of them would overlap, and writes a line into $ENGINE/builds.
FAKE_DOCKER = r"""#!/bin/sh
key() { printf '%s' "$1" | tr '/:' '__'; }
case "$1 $2" in
"image inspect")
  shift 2; status=0; sep=""
  printf '['
  for each; do
    if [ -e "$ENGINE/$(key "$each")" ]; then
      printf '%s{"Id":"sha256:%s","Size":1000000,"RepoTags":["%s"]}' "$sep" "$(key "$each")" "$each"
      sep=","
    else
      status=1; echo "Error: No such image: $each" >&2
    fi
  done
  printf ']\n'; exit $status ;;
"image ls") [ ! -e "$ENGINE/listing" ] || cat "$ENGINE/listing" ;;
"image rm") echo "$3" >>"$ENGINE/removed" ;;
"pull --quiet") echo "registry: no such host" >&2; exit 1 ;;
"buildx build")
  [ ! -e "$ENGINE/broken" ] || { echo "step 3 of 7"; echo "E: the compiler fell over"; exit 9; }
  sleep 0.3
  echo "$*" >>"$ENGINE/builds"
  while [ "$1" != --tag ]; do shift; done
  touch "$ENGINE/$(key "$2")" ;;
*) echo "unexpected: $*" >&2; exit 64 ;;
esac
"""


def silent(_line: str) -> None:
    """Takes progress lines that a test does not look at."""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in engine that has the base image and nothing else."""
    commands = tmp_path / "bin"
    state = tmp_path / "engine"
    commands.mkdir()
    state.mkdir()
    (commands / "docker").write_text(FAKE_DOCKER)
    (commands / "docker").chmod(0o755)
    (state / "debian_trixie-slim").touch()
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("ENGINE", str(state))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return state


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A data root with the sources of the image toxiproxy."""
    root = tmp_path / "root"
    image = root / "fixtures" / "images" / "toxiproxy"
    build = root / "fixtures" / "images" / "build"
    image.mkdir(parents=True)
    build.mkdir()
    (image / "Dockerfile").write_text("FROM scratch\n")
    (build / "with-host").write_text("#!/bin/sh\n")
    return root


def digest_of(source: Path, destination: Path, base_id: str = "b", **arguments: str) -> str:
    stage("toxiproxy", source, destination)
    return content_digest(destination, arguments, base_id)


def test_digest_is_the_same_for_the_same_contents(source: Path, tmp_path: Path) -> None:
    first = digest_of(source, tmp_path / "1")
    os.utime(source / "fixtures/images/toxiproxy/Dockerfile", (1, 1))
    assert digest_of(source, tmp_path / "2") == first
    assert len(first) == 12


@pytest.mark.parametrize(
    "changed", ["fixtures/images/toxiproxy/Dockerfile", "fixtures/images/build/with-host"]
)
def test_digest_changes_with_every_file_that_goes_in(
    source: Path, tmp_path: Path, changed: str
) -> None:
    before = digest_of(source, tmp_path / "1")
    (source / changed).write_text("something else\n")
    assert digest_of(source, tmp_path / "2") != before


def test_digest_changes_with_a_new_file_base_image_and_build_argument(
    source: Path, tmp_path: Path
) -> None:
    digests = {
        digest_of(source, tmp_path / "1"),
        digest_of(source, tmp_path / "2", base_id="another"),
        digest_of(source, tmp_path / "3", DENOISE="0"),
        digest_of(source, tmp_path / "4", DENOISE="1"),
    }
    (source / "fixtures/images/toxiproxy/more").touch()
    digests.add(digest_of(source, tmp_path / "5"))
    assert len(digests) == 5


def test_litter_is_neither_staged_nor_hashed(source: Path, tmp_path: Path) -> None:
    before = digest_of(source, tmp_path / "1")
    cache = source / "fixtures/images/toxiproxy/__pycache__"
    cache.mkdir()
    (cache / "x.cpython-313.pyc").touch()
    assert digest_of(source, tmp_path / "2") == before
    assert not (tmp_path / "2/image/__pycache__").exists()


def test_modes_come_from_the_contents_because_wheels_do_not_keep_them(
    source: Path, tmp_path: Path
) -> None:
    before = digest_of(source, tmp_path / "1")
    (source / "fixtures/images/build/with-host").chmod(0o600)
    assert digest_of(source, tmp_path / "2") == before
    assert (tmp_path / "2/build/with-host").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "2/image/Dockerfile").stat().st_mode & 0o777 == 0o644


def test_a_missing_source_folder_is_named(source: Path, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="gateway"):
        stage("gateway", source, tmp_path / "1")


def test_every_image_can_be_staged_from_the_checkout(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    for name in IMAGES:
        stage(name, root, tmp_path / name)
        assert (tmp_path / name / "image" / "Dockerfile").is_file()
        assert all((tmp_path / name / each).is_dir() for each in IMAGES[name].contexts)


def test_a_missing_image_is_built_once_and_then_found(engine: Path) -> None:
    lines: list[str] = []
    built = images.ensure_images(["gateway"], lines.append)["gateway"]
    again = images.ensure_images(["gateway"], lines.append)["gateway"]
    assert built.reference.startswith("colordrill/gateway:")
    assert built.built_s is not None
    assert again.built_s is None
    assert again.reference == built.reference
    assert len((engine / "builds").read_text().splitlines()) == 1
    assert any(line.startswith("image gateway: built in") for line in lines)


def test_build_arguments_make_another_image(engine: Path) -> None:
    plain = images.ensure_images(["gateway"], silent)["gateway"]
    other = images.ensure_images(["gateway"], silent, arguments={"gateway": {"DENOISE": "0"}})
    assert other["gateway"].reference != plain.reference
    assert "--build-arg DENOISE=0" in (engine / "builds").read_text().splitlines()[1]


def test_the_build_gets_its_label_contexts_and_base(engine: Path) -> None:
    images.ensure_images(["service"], silent)
    command = (engine / "builds").read_text()
    assert "--label colordrill.image=service" in command
    assert "--build-arg BASE=debian:trixie-slim" in command
    assert "--build-context service=" in command
    assert "--build-context build=" in command


def test_two_that_need_the_same_image_build_it_once(engine: Path) -> None:
    lines: list[str] = []
    workers = [
        threading.Thread(target=images.ensure_images, args=(["gateway"], lines.append))
        for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=20)
    assert len((engine / "builds").read_text().splitlines()) == 1
    assert any("another process builds it" in line for line in lines)


def test_a_failed_build_shows_the_end_of_its_log(engine: Path) -> None:
    (engine / "broken").touch()
    with pytest.raises(EnvironmentProblem, match="the compiler fell over") as caught:
        images.ensure_images(["gateway"], silent)
    assert "exit code 9" in caught.value.cause
    assert "image-gateway.log" in caught.value.next_step


def test_without_the_base_image_the_next_step_is_the_preparation(engine: Path) -> None:
    (engine / "debian_trixie-slim").unlink()
    with pytest.raises(EnvironmentProblem, match="no such host") as caught:
        images.ensure_images(["gateway"], silent)
    assert "ci/prepare" in caught.value.next_step
    assert images.present_images(["gateway"]) == {"gateway": None}


def test_without_a_client_the_next_step_is_the_preparation(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentProblem, match="no docker command"):
        images.present_images(["gateway"])


def test_an_unknown_image_is_refused(engine: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="no image called 'gatewai'"):
        images.ensure_images(["gatewai"], silent)
    assert not (engine / "builds").exists()


def test_superseded_tags_are_removed_after_a_build(engine: Path) -> None:
    listing = [
        f'{{"Repository":"colordrill/gateway","Tag":"old{age}","CreatedAt":"2026-01-0{9 - age}"}}'
        for age in range(1, 4)
    ]
    (engine / "listing").write_text("\n".join(listing) + "\n")
    images.ensure_images(["gateway"], silent)
    removed = (engine / "removed").read_text().split()
    assert removed == ["colordrill/gateway:old2", "colordrill/gateway:old3"]


def test_tags_that_cannot_be_listed_do_not_spoil_a_good_build(engine: Path) -> None:
    (engine / "listing").mkdir()
    lines: list[str] = []
    assert images.ensure_images(["gateway"], lines.append)["gateway"].built_s is not None
    assert any("older images stay" in line for line in lines)


def test_the_image_in_use_is_never_superseded() -> None:
    listing = [
        {"Reference": "a", "CreatedAt": "2026-01-01"},
        {"Reference": "b", "CreatedAt": "2026-01-03"},
        {"Reference": "c", "CreatedAt": "2026-01-02"},
    ]
    assert images.superseded(listing, "a", 2) == ["c"]
    assert images.superseded(listing, "a", 1) == ["b", "c"]
    assert images.superseded([], "a", 2) == []


def test_indexes_of_the_host_are_lent_and_a_pip_index_to_uv_too() -> None:
    environment = {"GOPROXY": "https://go.example/x y", "UNRELATED_TOKEN": "secret"}
    text = image_build.lent_environment(environment, "https://pip.example/simple")
    assert "UNRELATED_TOKEN" not in text
    shown = subprocess.run(
        ["sh", "-c", f'{text} printf "%s|%s|%s" "$GOPROXY" "$UV_DEFAULT_INDEX" "$PIP_INDEX_URL"'],
        capture_output=True,
        text=True,
        check=True,
    )
    expected = "https://go.example/x y|https://pip.example/simple|https://pip.example/simple"
    assert shown.stdout == expected


def test_nothing_is_lent_where_nothing_is_configured() -> None:
    assert image_build.lent_environment({"HOME": "/nowhere"}, None) == ""


def test_a_uv_index_of_the_host_is_not_overruled() -> None:
    text = image_build.lent_environment(
        {"UV_INDEX_URL": "https://uv.example"}, "https://pip.example"
    )
    assert "UV_DEFAULT_INDEX" not in text


def test_pip_configuration_is_read(tmp_path: Path) -> None:
    configuration = tmp_path / "pip.conf"
    configuration.write_text("[global]\nindex-url = https://pip.example/%40/simple\n")
    found = image_build.pip_index_url({"PIP_CONFIG_FILE": str(configuration)})
    assert found == "https://pip.example/%40/simple"


def test_the_ca_bundle_is_that_of_the_environment(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    assert image_build.ca_bundle({"SSL_CERT_FILE": str(bundle)}) == bundle


def test_apt_sources_that_do_not_exist_are_named(
    engine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLORDRILL_APT_SOURCES", "/nowhere/sources.list")
    with pytest.raises(EnvironmentProblem, match="/nowhere/sources"):
        images.ensure_images(["gateway"], silent)
    assert not (engine / "builds").exists()
