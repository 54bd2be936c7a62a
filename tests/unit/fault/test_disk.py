"""The disk's faults against a target in memory: evidence, half-done acts, parameters."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from colordrill.errors import EnvironmentProblem, UnknownName, UsageProblem
from colordrill.fault import disk, disk_damage, power
from colordrill.fault.disk import DiskErrors, DiskFull, DiskReadOnly, DiskSlow
from colordrill.fault.power import PowerLoss, restore_power
from colordrill.stack.parts import Part, Site, parts_of
from colordrill.stack.target import Executed
from fakes.target import FakeTarget

SOUND: dict[str, Any] = {
    "mounted": True,
    "loop": "/dev/loop3",
    "read_only": False,
    "served": True,
    "errors": False,
    "rate_bytes": 0,
}
DOWN = {**SOUND, "mounted": False, "loop": None, "served": False}
MOUNTINFO = "36 35 7:3 /output /site/output rw,relatime - ext4 {device} rw\n"
ALL = (*power.FAULTS, *disk.FAULTS, *disk_damage.FAULTS)


@dataclass(slots=True)
class Host:
    """What the helper and the agent answer."""

    acts: list[str] = field(default_factory=list)
    state: dict[str, Any] = field(default_factory=lambda: dict(SOUND))
    device: str = "/dev/loop3"
    error: str | None = None
    seconds: float = 0.01
    refuse: str = ""

    def disk(self, _: Part, command: Sequence[str]) -> Executed:
        self.acts.append(command[1])
        if command[1] == self.refuse:
            return Executed(1, "", "the disk: no")
        if command[1] in {"cut", "detach"}:
            self.state = dict(DOWN)
        if command[1] == "attach":
            self.state, self.error = dict(SOUND), None
        return Executed(0, json.dumps(self.state), "")

    def mounts(self, _: Part, __: Sequence[str]) -> Executed:
        return Executed(0, MOUNTINFO.format(device=self.device), "")

    def write(self, _: Part, __: Sequence[str]) -> Executed:
        return Executed(0, json.dumps({"error": self.error, "seconds": self.seconds}), "")


@pytest.fixture
def host(target: FakeTarget) -> Host:
    """A sound disk under the primary's agent of *target*."""
    host = Host()
    target.programs |= {"colordrill-disk": host.disk, "cat": host.mounts, "python3": host.write}
    agent = target.parts[Part.PRIMARY_AGENT]
    agent.description = replace(agent.description, mounts={"/site/output": "output"})
    return host


@pytest.mark.parametrize("kind", [*power.FAULTS, *disk.FAULTS])
def test_data_that_lie_elsewhere_are_not_healthy(
    kind: type[DiskErrors], target: FakeTarget, host: Host
) -> None:
    fault = kind("primary")
    assert fault.healthy(target).seen

    host.device = "/dev/sda1"

    found = fault.healthy(target)
    assert not found.seen
    assert "/site/output of primary-agent" in found.detail


def test_a_primary_of_which_nothing_can_be_looked_at_is_not_on_the_disk(
    target: FakeTarget, host: Host
) -> None:
    agent = target.parts[Part.PRIMARY_AGENT]
    agent.description = replace(agent.description, mounts={})

    assert "no running part" in PowerLoss("primary").healthy(target).detail


@pytest.mark.parametrize(
    ("kind", "error", "seconds", "seen"),
    [
        (DiskErrors, "EIO", 0.1, True),
        (DiskErrors, "EROFS", 0.1, True),
        (DiskErrors, "ENOSPC", 0.1, False),
        (DiskErrors, None, 9.0, False),
        (DiskSlow, None, 2.0, True),
        (DiskSlow, None, 0.5, False),
        (DiskSlow, "EIO", 2.0, False),
        (DiskFull, "ENOSPC", 0.1, True),
        (DiskFull, "EROFS", 0.1, False),
        (DiskReadOnly, "EROFS", 0.1, True),
        (DiskReadOnly, None, 0.1, False),
    ],
)
def test_only_its_own_effect_is_evidence(
    kind: type[DiskErrors],
    error: str | None,
    seconds: float,
    seen: bool,
    target: FakeTarget,
    host: Host,
) -> None:
    fault = kind("primary")
    assert fault.healthy(target).seen
    host.error, host.seconds = error, seconds

    assert fault.evidence(target).seen is seen


def test_a_write_that_does_not_end_is_slow_and_is_no_error(target: FakeTarget, host: Host) -> None:
    faults = [DiskSlow("primary"), DiskErrors("primary")]
    for fault in faults:
        assert fault.healthy(target).seen
    target.programs["python3"] = lambda _part, _command: Executed(124, "", "")

    assert [fault.evidence(target).seen for fault in faults] == [True, False]


def test_an_agent_that_says_nothing_readable_is_an_error_and_no_evidence(
    target: FakeTarget, host: Host
) -> None:
    target.programs["python3"] = lambda _part, _command: Executed(1, "", "Traceback")

    with pytest.raises(EnvironmentProblem, match="told nothing"):
        DiskErrors("primary").evidence(target)


def test_a_file_system_that_gave_up_is_taken_down_and_mounted_again(
    target: FakeTarget, host: Host
) -> None:
    fault = DiskErrors("primary")
    fault.healthy(target)
    fault.inject(target)
    host.error = "EROFS"

    fault.heal(target)

    assert host.acts[-2:] == ["detach", "attach"]
    assert fault.healed(target).seen
    assert all(target.state(part).running for part in parts_of(Site.PRIMARY))


def test_a_limit_that_stayed_is_not_healed(target: FakeTarget, host: Host) -> None:
    fault = DiskSlow("primary")
    fault.healthy(target)
    fault.heal(target)
    host.state["rate_bytes"] = 200_000

    assert not fault.healed(target).seen


def test_power_goes_from_the_disk_before_the_containers_are_killed(
    target: FakeTarget, host: Host
) -> None:
    killed_after: list[list[str]] = []
    fault = PowerLoss("primary")
    fault.healthy(target)
    real = host.disk

    def watched(part: Part, command: Sequence[str]) -> Executed:
        killed_after.append([command[1], str(target.state(Part.PRIMARY_AGENT).running)])
        return real(part, command)

    target.programs["colordrill-disk"] = watched
    fault.inject(target)

    assert killed_after == [["cut", "True"], ["detach", "False"]]
    assert fault.evidence(target).seen


@pytest.mark.parametrize("refuse", ["cut", "detach"])
def test_a_loss_that_failed_half_way_can_be_healed(
    refuse: str, target: FakeTarget, host: Host
) -> None:
    fault = PowerLoss("primary")
    fault.healthy(target)
    host.refuse = refuse
    with pytest.raises(EnvironmentProblem, match=refuse):
        fault.inject(target)
    host.refuse = ""

    fault.heal(target)

    assert fault.healed(target).seen


def test_a_power_that_is_there_is_left_alone(target: FakeTarget, host: Host) -> None:
    assert "0 parts" in restore_power(target)
    assert host.acts == ["state"]
    assert target.calls == []


def test_a_part_that_did_not_come_back_is_named(target: FakeTarget, host: Host) -> None:
    fault = PowerLoss("primary")
    fault.healthy(target)
    target.kill([Part.PRIMARY_AGENT])

    found = fault.healed(target)

    assert not found.seen
    assert "primary-agent" in found.detail


@pytest.mark.parametrize("kind", [*power.FAULTS, *disk.FAULTS])
def test_healing_before_anything_touches_nothing(
    kind: type[DiskErrors], target: FakeTarget, host: Host
) -> None:
    kind("primary").heal(target)

    assert host.acts == []
    assert target.calls == []


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(
    "name", ["", "dr", "PRIMARY", "primary ", "primary:", "dr:output", "primary:../output", "x:y"]
)
def test_a_target_that_it_cannot_break_is_refused(kind: type[DiskErrors], name: str) -> None:
    with pytest.raises(UnknownName):
        kind(name)


@pytest.mark.parametrize("value", [0, -1, 10**12, float("nan"), float("inf"), True, "9", None])
@pytest.mark.parametrize(
    ("kind", "parameter"),
    [
        (DiskSlow, "bytes_per_s"),
        (disk_damage.BitFlip, "count"),
        (disk_damage.BitFlip, "flips"),
        (disk_damage.ZeroedRange, "length_bytes"),
        (disk_damage.FileDeleted, "count"),
    ],
)
def test_a_parameter_that_means_nothing_is_refused(
    kind: type[Any], parameter: str, value: object
) -> None:
    target = "primary" if kind is DiskSlow else "primary:output"

    with pytest.raises(UsageProblem, match=parameter):
        kind(target, **{parameter: value})


@pytest.mark.parametrize(
    ("kind", "target", "parameters"),
    [
        (DiskFull, "primary", {"leave_bytes": -1}),
        (DiskFull, "primary", {"leave_bytes": 10**9}),
        (disk_damage.Truncation, "primary:output", {"keep": 1.0}),
        (disk_damage.Truncation, "primary:output", {"keep": -0.1}),
        (disk_damage.Truncation, "primary:output", {"keep": float("nan")}),
        (disk_damage.BitFlip, "primary:output", {"pattern": ""}),
        (disk_damage.BitFlip, "primary:output", {"seed": -1}),
    ],
)
def test_a_parameter_out_of_its_bounds_is_refused(
    kind: type[Any], target: str, parameters: dict[str, Any]
) -> None:
    with pytest.raises(UsageProblem):
        kind(target, **parameters)


def test_names_are_unique_and_pages_are_whole() -> None:
    classes: tuple[Any, ...] = ALL
    names = [kind.name for kind in classes]

    assert len(set(names)) == len(names)
    for kind in classes:
        assert all(getattr(kind.about, each) for each in kind.about.__slots__)
