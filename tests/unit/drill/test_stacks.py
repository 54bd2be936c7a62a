"""One stack serves drill after drill as long as it is proven to be as new."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from colordrill.drill import stacks as module
from colordrill.drill.assets import Assets
from colordrill.drill.stacks import Stacks
from colordrill.drill.standing import HealthyStack
from colordrill.errors import EnvironmentProblem
from colordrill.scenario.fault_spec import StackKind
from colordrill.scenario.settings import Settings
from fakes.clock import ManualClock
from fakes.target import FakeTarget

ASSETS = cast("Assets", None)
OVERLAY = (Path("slow-start.yaml"),)


@dataclass
class Yard:
    """Builds stacks in memory, and tells what became of them."""

    told: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    problems: tuple[str, ...] = ()
    broken: Exception | None = None
    images_built: int = 0
    elsewhere: tuple[str, ...] = ()
    no_disk: str = ""
    built: int = 0

    @contextmanager
    def healthy(self, plan: Any, *_: object) -> Iterator[HealthyStack]:
        self.built += 1
        name = f"{self.built}"
        self.told.append(f"build {name} {plan}")
        target: Any = FakeTarget()
        try:
            yield HealthyStack(target, cast("Any", None), Path(name))
        finally:
            self.told.append(f"remove {name}")

    def images(self, *_: object) -> dict[str, str]:
        self.images_built += 1
        return {"service": "service:1", "host": "host:1"}

    def prove(self, *_: object) -> tuple[str, ...]:
        if self.broken is not None:
            raise self.broken
        self.told.append("prove")
        return self.problems

    def drill(self, stacks: Stacks, kind: StackKind = StackKind.PLAIN, *overlays: Path) -> Path:
        with stacks.lent(kind, overlays, ASSETS, Path("logs"), self.said.append) as healthy:
            return healthy.directory


@pytest.fixture
def yard(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Yard:
    yard = Yard()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(module, "why_no_disk", lambda *_: yard.no_disk)
    monkeypatch.setattr(module, "healthy_stack", yard.healthy)
    monkeypatch.setattr(module, "images_for", yard.images)
    monkeypatch.setattr(module, "plan_for", lambda _s, _i, overlays, kind: (kind.value, overlays))
    monkeypatch.setattr(module, "take_baseline", lambda _t: yard.told.append("baseline"))
    monkeypatch.setattr(module, "configuration_text", lambda *_: "")
    monkeypatch.setattr(module, "make_clean", lambda *_: yard.told.append("clean"))
    monkeypatch.setattr(module, "prove_clean", yard.prove)
    monkeypatch.setattr(module, "make_durable", lambda _t: yard.told.append("durable"))
    monkeypatch.setattr(module, "not_on_disk", lambda _t: yard.elsewhere)
    monkeypatch.setattr(module, "keep_logs", lambda *_: yard.told.append("logs"))
    return yard


@pytest.fixture
def stacks(clock: ManualClock) -> Stacks:
    return Stacks(Settings(), clock)


def test_a_stack_proven_clean_is_used_again_and_removed_at_the_end(
    yard: Yard, stacks: Stacks
) -> None:
    with stacks:
        assert yard.drill(stacks) == yard.drill(stacks) == Path("1")

    assert yard.told == [
        *("build 1 ('plain', ())", "baseline"),
        *("logs", "clean", "prove") * 2,
        "remove 1",
    ]
    assert any("as it was when it was new" in line for line in yard.said)


def test_a_stack_that_is_not_as_it_was_is_removed_and_says_why(yard: Yard, stacks: Stacks) -> None:
    yard.problems = ("link gateway-primary is not healthy",)

    with stacks:
        assert [yard.drill(stacks), yard.drill(stacks)] == [Path("1"), Path("2")]

    assert yard.told.index("remove 1") < yard.told.index("build 2 ('plain', ())")
    assert "link gateway-primary is not healthy" in yard.said[0]


def test_a_stack_that_cannot_be_proven_is_not_used_again(yard: Yard, stacks: Stacks) -> None:
    yard.broken = EnvironmentProblem("the engine went away")

    with stacks:
        yard.drill(stacks)
        assert yard.told[-1] == "remove 1"

    assert "the engine went away" in yard.said[0]
    assert yard.told.count("remove 1") == 1


def test_another_kind_of_stack_is_built_anew_and_the_first_is_gone_before(
    yard: Yard, stacks: Stacks
) -> None:
    with stacks:
        yard.drill(stacks)
        yard.drill(stacks, StackKind.DISK)

    assert yard.told.index("remove 1") < yard.told.index("build 2 ('disk', ())")


def test_what_lies_on_a_disk_is_on_it_for_good_before_each_drill(
    yard: Yard, stacks: Stacks
) -> None:
    """A drill loses what it wrote itself, never what it was given."""
    with stacks:
        yard.drill(stacks, StackKind.DISK)
        yard.drill(stacks, StackKind.DISK)

    assert yard.told.index("durable") < yard.told.index("logs")
    assert yard.told.count("durable") == 3


def test_a_host_that_cannot_carry_a_disk_is_refused_before_anything_is_built(
    yard: Yard, stacks: Stacks
) -> None:
    yard.no_disk = "no loop devices"

    with stacks, pytest.raises(EnvironmentProblem, match="no loop devices"):
        yard.drill(stacks, StackKind.DISK)

    assert yard.told == []


def test_a_disk_on_which_nothing_lies_is_refused(yard: Yard, stacks: Stacks) -> None:
    yard.elsewhere = ("output is not on the disk",)

    with stacks, pytest.raises(EnvironmentProblem, match="output is not on the disk"):
        yard.drill(stacks, StackKind.DISK)

    assert yard.told == ["build 1 ('disk', ())", "remove 1"]


def test_a_red_twins_overlay_is_another_stack(yard: Yard, stacks: Stacks) -> None:
    with stacks:
        yard.drill(stacks)
        assert yard.drill(stacks, StackKind.PLAIN, *OVERLAY) == Path("2")
        assert yard.drill(stacks, StackKind.PLAIN, *OVERLAY) == Path("2")
        assert yard.drill(stacks) == Path("3")


@pytest.mark.parametrize(
    "error", [EnvironmentProblem("no"), ValueError("a bug"), KeyboardInterrupt()]
)
def test_a_drill_that_ended_early_leaves_its_logs_and_no_stack(
    yard: Yard, stacks: Stacks, error: BaseException
) -> None:
    with (
        pytest.raises(type(error)),
        stacks.lent(StackKind.PLAIN, (), ASSETS, Path("logs"), yard.said.append),
    ):
        raise error

    assert yard.told[-2:] == ["logs", "remove 1"]
    assert yard.drill(stacks) == Path("2")
    stacks.remove()


def test_a_stack_that_does_not_come_up_leaves_nothing(
    yard: Yard, stacks: Stacks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_target: object) -> None:
        raise EnvironmentProblem("no hash")

    monkeypatch.setattr(module, "take_baseline", fail)

    with stacks, pytest.raises(EnvironmentProblem, match="no hash"):
        yard.drill(stacks)

    assert yard.told == ["build 1 ('plain', ())", "remove 1"]


def test_a_kept_stack_is_left_as_the_drill_left_it(yard: Yard, clock: ManualClock) -> None:
    with Stacks(Settings(keep=True), clock) as stacks:
        yard.drill(stacks)
        yard.drill(stacks)

    assert "clean" not in yard.told
    assert yard.built == 2


def test_images_are_looked_for_once_in_a_series(yard: Yard, stacks: Stacks) -> None:
    with stacks:
        stacks.images(yard.said.append)
        yard.drill(stacks)
        yard.drill(stacks, StackKind.DISK)

    assert yard.images_built == 1


def test_a_series_without_drills_has_nothing_to_remove(yard: Yard, stacks: Stacks) -> None:
    with stacks:
        pass
    stacks.remove()

    assert yard.told == []


def test_a_series_measures_its_host_in_the_first_drills_on_a_kind_of_stack(stacks: Stacks) -> None:
    left = [{"person": 2.0}, {"person": 1.0}, {"person": 9.0}]

    shared = [stacks.calibrated(StackKind.PLAIN, (), lambda: left.pop(0)) for _ in range(3)]
    apart = stacks.calibrated(StackKind.PLAIN, OVERLAY, lambda: left.pop(0))

    assert list(shared[-1]) == [{"person": 2.0}, {"person": 1.0}]
    assert list(apart) == [{"person": 9.0}]
