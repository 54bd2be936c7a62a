"""Silent damage to stored files: seen by a peer, put back, and never over anybody's newer work."""

from __future__ import annotations

import hashlib
import json
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from colordrill.backup.bringing_back import bring_back
from colordrill.backup.points import scrub
from colordrill.clock import SystemClock, poll
from colordrill.errors import EnvironmentProblem
from colordrill.fault.disk_damage import BitFlip, FileDeleted, Truncation, VolumeLost, ZeroedRange
from colordrill.fault.disk_files import FileDamage
from colordrill.fault.disk_reading import PLACES
from colordrill.fault.injecting_program import marked
from colordrill.stack.parts import Part
from fakes.disk_lab import DiskLab

pytestmark = pytest.mark.docker

POINT, NEWER_POINT = "20261122T201530.123Z", "20261122T201540.123Z"
KINDS = (BitFlip, ZeroedRange, Truncation, FileDeleted, VolumeLost)
# every kind at one place, and at every place one kind and the one that takes all of it
COMBINED = [
    *((kind, "primary:output") for kind in KINDS),
    *((kind, place) for kind in (BitFlip, VolumeLost) for place in PLACES if "output" not in place),
]
FILES = {
    "input/photo 照片.png": b"photo" * 50,
    "output/a.png": b"coloured" * 1000,
    "output/sub/b.png": b"coloured too" * 1000,
    "workflows/DDColor人物.json": b'{"size": 680}',
    "models/ddcolor/nano.safetensors": bytes(range(1, 256)) * 500,
    "config/stack.env": b"MODEL_SIZE=960\n",
}
HASHES = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
TIMES = """
import json, pathlib
site = pathlib.Path("/site")
print(json.dumps({str(p): p.stat().st_mtime_ns for p in site.rglob("*") if p.is_file()}))
"""
COMMANDS = """
import pathlib
print(*(path.read_text() for path in pathlib.Path("/proc").glob("[0-9]*/comm")))
"""


@pytest.fixture
def site(lab: DiskLab) -> DiskLab:
    """A site whose files are all in two recovery points."""
    lab.put(FILES)
    lab.publish(POINT)
    ran = lab.run(Part.PRIMARY_AGENT, "colordrill-snapshot", NEWER_POINT, "--previous", POINT)
    assert ran.exit_code == 0, ran
    assert lab.run(Part.BACKUP, "colordrill-publish", NEWER_POINT).exit_code == 0
    return lab


def strike(fault: FileDamage, lab: DiskLab) -> None:
    healthy = fault.healthy(lab.target)
    assert healthy.seen, healthy.detail
    assert not fault.evidence(lab.target).seen
    fault.inject(lab.target)


@pytest.mark.parametrize(("kind", "place"), COMBINED)
def test_a_peer_sees_it_come_and_go_and_no_time_changes(
    site: DiskLab, kind: type[FileDamage], place: str
) -> None:
    before: dict[str, Any] = json.loads(site.agent(TIMES))
    fault = kind(place)
    strike(fault, site)

    seen = fault.evidence(site.target)
    assert seen.seen, seen.detail
    assert not fault.healed(site.target).seen
    during = json.loads(site.agent(TIMES))
    assert during.items() <= before.items()

    later = kind(place)
    later.memory = json.loads(json.dumps(fault.memory))
    for _ in range(2):
        later.heal(site.target)

    healed = later.healed(site.target)
    assert healed.seen, healed.detail
    assert not later.evidence(site.target).seen
    assert site.site() == HASHES
    assert json.loads(site.agent(TIMES)) == before


def test_the_same_seed_draws_the_same_files_and_bits_again(site: DiskLab) -> None:
    damaged = []
    for seed in (1, 1, 2, 3, 4):
        fault = BitFlip("primary:output", seed=seed)
        strike(fault, site)
        damaged.append(tuple(sorted(site.site().items())))
        fault.heal(site.target)

    assert damaged[0] == damaged[1]
    assert len(set(damaged)) > 1


def test_a_scrub_finds_what_was_damaged_and_a_repair_brings_it_back_before_the_cure(
    site: DiskLab,
) -> None:
    fault = BitFlip("primary:output", count=2, flips=5)
    strike(fault, site)
    found = scrub(site.target, Part.PRIMARY_AGENT, POINT)
    assert found.damaged == ("output/a.png", "output/sub/b.png")

    bring_back(site.target, Part.PRIMARY_AGENT, POINT, ["output"])

    assert site.site() == HASHES
    fault.heal(site.target)
    assert fault.healed(site.target).seen
    assert site.site() == HASHES


def test_what_somebody_wrote_since_is_never_overwritten(site: DiskLab) -> None:
    fault = Truncation("primary:workflows")
    strike(fault, site)
    site.put({"workflows/DDColor人物.json": b'{"size": 700}'})

    fault.heal(site.target)

    assert fault.healed(site.target).seen
    edited = hashlib.sha256(b'{"size": 700}').hexdigest()
    assert site.site()["workflows/DDColor人物.json"] == edited


def test_the_backups_disk_damages_every_point_that_shares_the_file(site: DiskLab) -> None:
    fault = BitFlip("backup:points", pattern="output/a.png")
    strike(fault, site)
    place = "sha256sum /backup/points/*/output/a.png | cut -c1-64 | sort -u"

    damaged = site.run(Part.BACKUP, "sh", "-c", place).stdout.split()
    assert len(damaged) == 1
    assert damaged != [HASHES["output/a.png"]]

    fault.heal(site.target)
    assert site.run(Part.BACKUP, "sh", "-c", place).stdout.split() == [HASHES["output/a.png"]]


def test_a_lost_volume_takes_what_no_recovery_point_holds_and_the_cure_brings_it_back(
    site: DiskLab,
) -> None:
    site.put({"output/since.png": b"made since the newest point"})
    fault = VolumeLost("primary:output")
    strike(fault, site)
    assert not [name for name in site.site() if name.startswith("output/")]

    fault.heal(site.target)

    assert fault.healed(site.target).seen
    assert {"output/a.png", "output/since.png", "output/sub/b.png"} <= set(site.site())


def test_a_damage_that_stopped_half_way_can_be_healed(site: DiskLab) -> None:
    fault = BitFlip("primary:output", count=2)
    assert fault.healthy(site.target).seen
    kept = "/tmp/colordrill-damage/bit_flip-primary-output"
    site.run(Part.PRIMARY_AGENT, "mkdir", "-p", kept)

    fault.heal(site.target)
    fault.inject(site.target)
    with pytest.raises(EnvironmentProblem, match=r"changed since|damaged already"):
        fault.inject(site.target)
    fault.heal(site.target)

    assert fault.healed(site.target).seen
    assert site.site() == HASHES


def test_files_that_changed_since_the_point_are_not_drawn(site: DiskLab) -> None:
    site.put({"output/a.png": b"edited since", "output/sub/b.png": b"edited since"})

    found = BitFlip("primary:output").healthy(site.target)

    assert not found.seen
    assert "no whole file of primary:output" in found.detail


def test_damage_whose_originals_are_lost_is_not_called_healed(site: DiskLab) -> None:
    fault = BitFlip("primary:output")
    strike(fault, site)
    site.target.recreate(Part.PRIMARY_AGENT)

    fault.heal(site.target)
    left = fault.healed(site.target)

    assert not left.seen
    assert "unknown" in left.detail
    bring_back(site.target, Part.PRIMARY_AGENT, POINT, ["output"])
    assert fault.healed(site.target).seen


def test_the_cure_ends_a_damager_that_has_not_ended(site: DiskLab) -> None:
    fault = BitFlip("primary:output")
    assert fault.healthy(site.target).seen
    command = marked(fault.memory, ["sleep", "30"])

    with ThreadPoolExecutor(1) as pool:
        begun = pool.submit(site.run, Part.PRIMARY_AGENT, *command)
        poll(
            SystemClock(),
            lambda: "sleep" in site.agent(COMMANDS) or None,
            awaited="the damager",
            timeout_s=10.0,
        )
        fault.heal(site.target)
        ended = begun.result(timeout=10)

    assert ended.exit_code == 128 + signal.SIGKILL
    assert fault.healed(site.target).seen


def test_without_a_recovery_point_nothing_is_damaged(lab: DiskLab) -> None:
    lab.put(FILES)
    fault = BitFlip("primary:output")

    with pytest.raises(EnvironmentProblem, match="no recovery point"):
        fault.healthy(lab.target)
    with pytest.raises(EnvironmentProblem, match="no file"):
        fault.inject(lab.target)
    fault.heal(lab.target)

    assert lab.site() == HASHES


def test_a_peer_that_gets_no_answer_is_no_evidence(site: DiskLab) -> None:
    fault = BitFlip("primary:output")
    strike(fault, site)
    site.target.kill([Part.PRIMARY_COLORIZATION])

    found = fault.evidence(site.target)

    site.target.start(Part.PRIMARY_COLORIZATION)
    site.await_service()
    fault.heal(site.target)
    assert not found.seen
    assert "no answer" in found.detail
