from __future__ import annotations

import json
from pathlib import Path

import pytest

from colordrill.stack import doctor, host_probes
from colordrill.stack.disk import TRIED_ALONE
from colordrill.stack.doctor import Status
from colordrill.stack.images import ImageRef
from colordrill.stack.target import Capability

ENGINE = {
    "ServerVersion": "26.1.5+dfsg1",
    "Driver": "overlay2",
    "CgroupVersion": "1",
    "OperatingSystem": "Debian GNU/Linux 12 (bookworm)",
}


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("26.1.5+dfsg1", (26, 1)),
        ("v2.26.1-4", (2, 26)),
        ("2.26", (2, 26)),
        ("28", (28,)),
        ("20.10.24+dfsg1", (20, 10)),
        ("unknown", ()),
        ("", ()),
    ],
)
def test_versions_are_read_from_what_distributions_print(
    text: str, version: tuple[int, ...]
) -> None:
    assert doctor.version_of(text) == version


def test_a_working_engine_is_ok() -> None:
    finding = doctor.judge_engine(ENGINE)
    assert finding.status is Status.OK
    assert "26.1.5" in finding.detail


def test_an_old_engine_is_a_warning() -> None:
    finding = doctor.judge_engine(ENGINE | {"ServerVersion": "20.10.24"})
    assert finding.status is Status.WARNING
    assert "24.0" in finding.remedy


def test_no_engine_points_to_the_preparation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    finding = doctor.judge_engine({"error": "Cannot connect to the Docker daemon"})
    assert finding.status is Status.MISSING
    assert "ci/prepare" in finding.remedy


def test_a_closed_socket_is_a_matter_of_groups_and_not_of_installing() -> None:
    finding = doctor.judge_engine({"error": "permission denied while trying to connect"})
    assert "group" in finding.remedy


def test_a_dead_docker_host_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2375")
    assert "tcp://192.0.2.1:2375" in doctor.judge_engine({"error": "timeout"}).remedy


@pytest.mark.parametrize(
    ("name", "output", "status"),
    [
        ("compose", "2.26.1-4", Status.OK),
        ("compose", "v2.39.1", Status.OK),
        ("compose", "1.29.2", Status.MISSING),
        ("compose", None, Status.MISSING),
        ("buildx", "github.com/docker/buildx 0.13.1 0.13.1-3", Status.OK),
        ("buildx", None, Status.MISSING),
        ("buildx", "", Status.MISSING),
    ],
)
def test_plugins(name: str, output: str | None, status: Status) -> None:
    assert doctor.judge_plugin(name, output).status is status


@pytest.mark.parametrize(
    ("free_gb", "images_there", "status"),
    [
        (30, False, Status.OK),
        (10, False, Status.MISSING),
        (10, True, Status.OK),
        (1, True, Status.MISSING),
    ],
)
def test_less_disk_is_needed_once_the_images_are_there(
    free_gb: int, images_there: bool, status: Status
) -> None:
    finding = doctor.judge_disk(free_gb * 10**9, "/var/lib/docker", images_there=images_there)
    assert finding.status is status


def test_free_space_that_cannot_be_seen_is_a_warning() -> None:
    assert doctor.judge_disk(None, "/x", images_there=False).status is Status.WARNING


@pytest.mark.parametrize(
    ("total_gb", "status"),
    [(24.0, Status.OK), (4.0, Status.WARNING), (2.0, Status.MISSING), (None, Status.WARNING)],
)
def test_memory(total_gb: float | None, status: Status) -> None:
    assert doctor.judge_memory(total_gb).status is status


@pytest.mark.parametrize(
    ("cores", "status"), [(2, Status.OK), (1, Status.WARNING), (None, Status.WARNING)]
)
def test_cores(cores: int | None, status: Status) -> None:
    assert doctor.judge_cores(cores).status is status


def test_kernel_features_that_lack_are_restrictions_and_not_obstacles() -> None:
    findings = {
        each.name: each
        for each in doctor.judge_kernel({"overlay": True, "iptables": True, "loop": False})
    }
    assert findings["kernel: overlay"].status is Status.OK
    assert findings["kernel: loop"].status is Status.WARNING
    assert "modprobe loop" in findings["kernel: loop"].remedy
    assert "cannot be seen" in findings["kernel: fuse"].detail


def test_a_graphics_card_is_optional_but_useless_without_the_toolkit() -> None:
    assert doctor.judge_gpu(None, container_toolkit=False).status is Status.OK
    assert doctor.judge_gpu("H100", container_toolkit=True).status is Status.OK
    assert doctor.judge_gpu("H100", container_toolkit=False).status is Status.WARNING


def test_ports_and_base_image() -> None:
    assert doctor.judge_ports(40000).status is Status.OK
    assert doctor.judge_ports(None).status is Status.MISSING
    assert doctor.judge_base_image(None).status is Status.MISSING
    assert "0123456789ab" in doctor.judge_base_image("sha256:0123456789abcdef").detail


def test_images_that_are_not_built_yet_are_named() -> None:
    there = ImageRef("minio", "colordrill/minio:1", "sha256:1", 1)
    finding = doctor.judge_images({"minio": there, "service": None})
    assert finding.status is Status.WARNING
    assert "service" in finding.detail
    assert "minio" not in finding.detail
    assert doctor.judge_images({"minio": there}).status is Status.OK


def test_a_helper_that_can_do_everything_is_ok() -> None:
    assert doctor.judge_helper(dict.fromkeys(TRIED_ALONE, "")).status is Status.OK


def test_a_refused_helper_restricts_drills_and_says_why() -> None:
    finding = doctor.judge_helper(
        {Capability.PACKET_FILTER: "", Capability.BLOCK_DEVICE: "no /dev/fuse"}
    )
    assert finding.status is Status.WARNING
    assert "no block_device: no /dev/fuse" in finding.detail
    assert "packet_filter" not in finding.detail
    assert "list --faults" in finding.remedy


def test_a_helper_that_was_not_tried_is_not_ok() -> None:
    assert doctor.judge_helper(None).status is Status.WARNING


def test_a_machine_without_docker_is_examined_to_the_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    findings = {each.name: each for each in doctor.examine()}
    assert findings["engine"].status is Status.MISSING
    assert findings["compose"].status is Status.MISSING
    assert findings["images"].status is Status.WARNING
    assert all(each.remedy for each in findings.values() if each.status is Status.MISSING)


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        (json.dumps({"ServerVersion": "", "ServerErrors": ["Cannot connect"]}), "Cannot connect"),
        ("not json", "docker info"),
        ("[]", "unknown"),
    ],
)
def test_an_engine_that_does_not_answer_is_described(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, printed: str, expected: str
) -> None:
    command = tmp_path / "docker"
    command.write_text(f"#!/bin/sh\necho '{printed}'\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert expected in str(host_probes.probe_engine()["error"])
