"""`colordrill-merge` between real containers: over rsync, killed, and only looking."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fakes.backup_lab import BackupLab

pytestmark = pytest.mark.docker

BASE, FIRST, FINAL = "20261122T201530.123Z", "20261122T211500.000Z", "20261122T211600.000Z"
OLD = {
    "output/照片 1.png": b"old",
    "output/sub/gone.png": b"old",
    "workflows/人物.json": b"old",
    "models/nano.safetensors": bytes(range(256)) * 100,
}
PRIMARYS = {"workflows/人物.json": b"the primary's", "output/late.png": b"late"}
DRS = {"workflows/人物.json": b"the dr site's", "input/new.png": b"new" * 1000}
MERGED = {
    "output/照片 1.png": b"old",
    "models/nano.safetensors": OLD["models/nano.safetensors"],
    "output/late.png": b"late",
    "input/new.png": b"new" * 1000,
    "workflows/人物.json": b"the dr site's",
    f"workflows/人物.primary-{BASE}.json": b"the primary's",
}
LEFT = "ls -d /tmp/colordrill-merge-* 2> /dev/null || true"
# as soon as something of the point has come; its own words are no match of its pattern
KILL = """
until ls /tmp/colordrill-merge-*/*/* > /dev/null 2>&1; do sleep 0.01; done
for process in /proc/[0-9]*; do
    if grep -qa 'bin/colordrill-[m]erge' $process/cmdline; then kill -KILL ${process#/proc/}; fi
done
"""
WORDS = ("--base", BASE, "--canaries", "verifycan-")


@pytest.fixture
def apart(lab: BackupLab) -> BackupLab:
    """Both sites have stood on one point, and were written to since."""
    lab.primary.put(OLD)
    lab.snapshot(BASE)
    lab.dr.checked("colordrill-restore", BASE)
    lab.primary.put(PRIMARYS)
    lab.dr.put(DRS | {"output/verifycan-1.png": b"canary"})
    lab.dr.checked("rm", "/site/output/sub/gone.png")
    return lab


def publish(lab: BackupLab, point: str) -> None:
    lab.dr.checked("colordrill-snapshot", point, "--previous", BASE)
    lab.server.checked("colordrill-publish", point)


def merged(lab: BackupLab, point: str, *words: str) -> Any:
    return json.loads(lab.primary.checked("colordrill-merge", point, *WORDS, *words))


def test_both_sites_writes_are_at_the_primary_and_again_it_changes_nothing(
    apart: BackupLab,
) -> None:
    publish(apart, FIRST)

    told = merged(apart, FIRST)

    assert apart.primary.site() == MERGED
    assert told["brought"] == ["input/new.png", "workflows/人物.json"]
    assert told["deleted"] == ["output/sub/gone.png"]
    again = merged(apart, FIRST, "--merged", FIRST)
    assert apart.primary.site() == MERGED
    assert (again["brought"], again["deleted"]) == ([], [])
    assert again["conflicts"] == told["conflicts"]


def test_a_second_pass_brings_what_was_written_since_the_first(apart: BackupLab) -> None:
    publish(apart, FIRST)
    merged(apart, FIRST)
    apart.dr.put({"workflows/人物.json": b"later", "input/later.png": b"later"})
    publish(apart, FINAL)

    told = merged(apart, FINAL, "--merged", FIRST)

    later = {"workflows/人物.json": b"later", "input/later.png": b"later"}
    assert apart.primary.site() == MERGED | later
    assert told["brought"] == sorted(later)


def test_killed_while_it_brings_files_the_next_one_completes_it(apart: BackupLab) -> None:
    apart.dr.checked("dd", "if=/dev/urandom", "of=/site/input/big.bin", "bs=1M", "count=80")
    publish(apart, FIRST)
    with apart.primary.starting("colordrill-merge", FIRST, *WORDS) as running:
        apart.primary.checked("sh", "-c", KILL)
        assert running.ended().exit_code == 137
    assert apart.primary.checked("sh", "-c", LEFT) != ""

    merged(apart, FIRST, "--merged", FIRST)

    hashes = [
        each.checked("sha256sum", "/site/input/big.bin") for each in (apart.primary, apart.dr)
    ]
    assert hashes[0] == hashes[1]
    apart.primary.checked("rm", "/site/input/big.bin")
    assert apart.primary.site() == MERGED
    assert apart.primary.checked("sh", "-c", LEFT) == ""


def test_a_comparison_leaves_both_sites_and_the_points_as_they_are(apart: BackupLab) -> None:
    primary, dr = apart.primary.site(), apart.dr.site()

    apart.dr.checked("colordrill-snapshot", FIRST, "--manifest-only")
    told = merged(apart, FIRST, "--dry-run", "--unpublished")

    assert told["brought"] == ["input/new.png", "workflows/人物.json"]
    assert (apart.primary.site(), apart.dr.site()) == (primary, dr)
    assert apart.points() == [BASE]
    swept = json.loads(apart.server.checked("colordrill-forget", f"--failed={FIRST}"))["swept"]
    assert swept == [FIRST]


def test_a_list_of_hashes_alone_is_never_published(apart: BackupLab) -> None:
    apart.dr.checked("colordrill-snapshot", FIRST, "--manifest-only")

    assert apart.server.run("colordrill-publish", FIRST).exit_code == 5
    assert apart.points() == [BASE]


def test_a_point_that_is_damaged_on_the_server_replaces_nothing(apart: BackupLab) -> None:
    publish(apart, FIRST)
    apart.server.checked("sh", "-c", f"echo x >> /backup/points/{FIRST}/input/new.png")
    before = apart.primary.site()

    ended = apart.primary.run("colordrill-merge", FIRST, *WORDS)

    assert ended.exit_code == 5
    kept = {name: before[name] for name in ("output/late.png", "models/nano.safetensors")}
    assert kept.items() <= apart.primary.site().items()
    assert b"the primary's" in apart.primary.site().values()
    assert "input/new.png" not in apart.primary.site()


def test_a_server_that_is_gone_is_no_damage(apart: BackupLab) -> None:
    publish(apart, FIRST)
    before = apart.primary.site()

    ended = apart.primary.run("env", "BACKUP_SERVER=127.0.0.1:9", "colordrill-merge", FIRST, *WORDS)

    assert ended.exit_code == 1
    assert apart.primary.site() == before
