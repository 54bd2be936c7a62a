"""How another image enters the stack: everything by one file of the run, nothing by the shell."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from colordrill.scenario.service import Mounts, ServiceSpec
from colordrill.stack.service_overlay import (
    service_overlay,
    service_variables,
    toxiproxy_links,
    write_service_files,
)

SPEC = ServiceSpec(
    image="mine:1",
    entrypoint=("tini", "--"),
    command=("python", "main.py", "--note", "$HOME"),
    port=9000,
    user="7:8",
    environment={"A": "b$c"},
    mounts=Mounts("/in", "/out", "/flows", "/models"),
)


def test_the_bundled_service_changes_nothing() -> None:
    assert service_overlay(ServiceSpec())["services"] == {
        "primary-colorization": {},
        "dr-colorization": {},
    }


def test_both_sites_get_the_same() -> None:
    services = service_overlay(SPEC)["services"]

    assert services["primary-colorization"] == services["dr-colorization"]
    assert services["dr-colorization"]["user"] == "7:8"
    assert services["dr-colorization"]["entrypoint"] == ["tini", "--"]


def test_a_dollar_stays_a_dollar() -> None:
    """Compose would put a variable of the shell in its place."""
    changed = service_overlay(SPEC)["services"]["dr-colorization"]

    assert changed["command"][-1] == "$$HOME"
    assert changed["environment"] == {"A": "b$$c"}


def test_paths_port_and_owner_are_variables_of_the_compose_file(tmp_path: Path) -> None:
    given = service_variables(SPEC, "7:8", tmp_path)

    assert given["COLORDRILL_MOUNT_WORKFLOWS"] == "/flows"
    assert given["COLORDRILL_SITE_PORT"] == "9000"
    assert given["COLORDRILL_SITE_OWNER"] == "7:8"


def test_the_gateways_link_leads_to_the_port_and_the_others_stay() -> None:
    bundled = {each["name"]: each for each in toxiproxy_links(8188)}
    links = {each["name"]: each for each in toxiproxy_links(9000)}

    assert links["gateway-primary"]["upstream"] == "primary-colorization:9000"
    assert {name for name in links if links[name] != bundled[name]} == {"gateway-primary"}


def test_the_files_of_a_run_can_be_read_by_the_containers_that_mount_them(tmp_path: Path) -> None:
    overlay = write_service_files(SPEC, tmp_path)

    assert json.loads(overlay.read_text())["services"]
    links = tmp_path / "toxiproxy.json"
    assert stat.S_IMODE(links.stat().st_mode) == 0o644
