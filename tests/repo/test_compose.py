"""The compose file: the same layout at both sites, loopback only, everything labelled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from repo.tree import ROOT, expect_none, files_under, place, sample

COMPOSE = ROOT / "fixtures/stack/compose.yaml"
LABEL = "colordrill.run"
HELPER, STANDBY = "host", "standby"
SITES = ("primary", "dr")
ROLES_AT_BOTH_SITES = frozenset({"colorization", "storage", "agent"})

Stack = Mapping[str, Any]


def load(path: Path) -> Stack:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(content, dict), f"{place(path)} is no mapping"
    return content


def _container_paths(service: Mapping[str, Any]) -> set[str]:
    mounts = service.get("volumes", [])
    return {
        each["target"] if isinstance(each, dict) else str(each).split(":")[1] for each in mounts
    }


def site_differences(stack: Stack) -> list[str]:
    """Roles that are not at both sites, or that see other paths there."""
    services = stack["services"]
    found = []
    for role in sorted(ROLES_AT_BOTH_SITES):
        names = [f"{site}-{role}" for site in SITES]
        absent = [name for name in names if name not in services]
        if absent:
            found.append(f"there is no {', '.join(absent)}")
            continue
        primary, dr = (_container_paths(services[name]) for name in names)
        if primary != dr or not primary:
            found.append(f"{role}: primary has {sorted(primary)}, dr has {sorted(dr)}")
    return found


def shared_volumes(stack: Stack) -> list[str]:
    """Volumes that containers of both sites mount: a second site on the first one's disk."""
    users: dict[str, set[str]] = {}
    for name, service in stack["services"].items():
        for each in service.get("volumes", []):
            source = each["source"] if isinstance(each, dict) else str(each).split(":")[0]
            users.setdefault(source, set()).add(name.split("-")[0])
    return [source for source, sites in users.items() if set(SITES) <= sites]


def open_ports(stack: Stack) -> list[str]:
    """Ports published elsewhere than on loopback, and services on the host's own network."""
    found = []
    for name, service in stack["services"].items():
        for port in service.get("ports", []):
            address = port.get("host_ip", "") if isinstance(port, dict) else str(port)
            if not str(address).startswith("127.0.0.1"):
                found.append(f"{name} publishes {port}")
        if service.get("network_mode") == "host":
            found.append(f"{name} uses the host's network")
    return found


def privileged(stack: Stack) -> list[str]:
    """Services with a host's power: nobody but the helper, and it is on no network, never up."""
    found = []
    for name, service in stack["services"].items():
        powers = {"privileged", "pid", "cap_add", "devices"} & set(service)
        if name != HELPER and powers:
            found.append(f"{name} has {', '.join(sorted(powers))}")
        tame = service.get("network_mode") == "none" and STANDBY in service.get("profiles", ())
        if name == HELPER and not tame:
            found.append(f"{name} is on a network, or comes up unasked")
    return found


def unlabelled(stack: Stack) -> list[str]:
    """What a sweep by label would leave behind."""

    def things() -> Iterator[tuple[str, Any]]:
        for section in ("services", "networks", "volumes"):
            for name, thing in stack.get(section, {}).items():
                yield f"{section} {name}", thing

    return [name for name, thing in things() if LABEL not in ((thing or {}).get("labels") or {})]


def overlay_faults(overlay: Stack, stack: Stack) -> list[str]:
    """What an overlay does besides changing services that *stack* has."""
    found = [
        f"it has a section {name}"
        for name in overlay
        if not name.startswith("x-") and name not in {"services", "volumes"}
    ]
    found += [f"unlabelled: {name}" for name in unlabelled({"volumes": overlay.get("volumes", {})})]
    services = overlay.get("services", {})
    found += [f"there is no service {name}" for name in services if name not in stack["services"]]
    return [*found, *open_ports({"services": services})]


def test_both_sites_have_the_same_layout() -> None:
    expect_none(site_differences(load(COMPOSE)))


def test_no_volume_belongs_to_both_sites() -> None:
    expect_none(shared_volumes(load(COMPOSE)))


def test_ports_are_published_on_loopback_only() -> None:
    expect_none(open_ports(load(COMPOSE)))


def test_only_the_helper_has_a_hosts_power_and_it_has_no_network() -> None:
    stack = load(COMPOSE)
    assert stack["services"][HELPER]["privileged"]
    expect_none(privileged(stack))


def test_everything_carries_the_run_label() -> None:
    expect_none(unlabelled(load(COMPOSE)))


def test_overlays_change_only_services_that_exist_and_open_no_port() -> None:
    overlays = files_under("fixtures/stack/sabotage", suffix=".yaml")
    assert overlays
    known = load(COMPOSE)
    expect_none(
        f"{place(path)}: {problem}"
        for path in overlays
        for problem in overlay_faults(load(path), known)
    )


def _bad(tmp_path: Path, text: str) -> Stack:
    return load(sample(tmp_path, "compose.yaml", text))


def test_another_path_at_the_dr_site_is_found(tmp_path: Path) -> None:
    service = "  {}-{}: {{ volumes: ['{}:{}'] }}\n"
    lines = [
        service.format(site, role, f"{site}-{role}", "/data")
        for site in SITES
        for role in sorted(ROLES_AT_BOTH_SITES)
    ]
    expect_none(site_differences(_bad(tmp_path, "services:\n" + "".join(lines))))
    moved = [*lines[:-1], lines[-1].replace("/data", "/elsewhere")]
    assert len(site_differences(_bad(tmp_path, "services:\n" + "".join(moved)))) == 1
    assert len(site_differences(_bad(tmp_path, "services:\n" + "".join(lines[:-1])))) == 1


def test_a_shared_volume_is_found(tmp_path: Path) -> None:
    text = "services:\n  primary-a: { volumes: ['x:/a'] }\n  dr-a: { volumes: ['x:/a'] }\n"
    assert shared_volumes(_bad(tmp_path, text)) == ["x"]


@pytest.mark.parametrize(
    "service", ["ports: ['8188:8188']", "ports: ['0.0.0.0::8188']", "network_mode: host"]
)
def test_an_open_port_is_found(service: str, tmp_path: Path) -> None:
    assert open_ports(_bad(tmp_path, f"services:\n  a: {{ {service} }}\n"))


@pytest.mark.parametrize(
    "service",
    [
        "a: { privileged: true }",
        "a: { pid: host }",
        "a: { cap_add: [NET_ADMIN] }",
        "host: { privileged: true, profiles: [standby] }",
        "host: { privileged: true, network_mode: none }",
    ],
)
def test_power_that_is_not_needed_is_found(service: str, tmp_path: Path) -> None:
    assert len(privileged(_bad(tmp_path, f"services:\n  {service}\n"))) == 1


def test_a_missing_label_is_found(tmp_path: Path) -> None:
    text = "services:\n  a: { image: x }\nvolumes:\n  v:\n"
    assert unlabelled(_bad(tmp_path, text)) == ["services a", "volumes v"]


def test_an_overlay_that_does_more_is_found(tmp_path: Path) -> None:
    stack = _bad(tmp_path, "services:\n  a: { image: x }\n")
    assert overlay_faults(stack, stack) == []
    for text in ("volumes:\n  v:\n", "services:\n  b: {}\n", "services: {a: {ports: ['1:1']}}\n"):
        assert len(overlay_faults(_bad(tmp_path, text), stack)) == 1
