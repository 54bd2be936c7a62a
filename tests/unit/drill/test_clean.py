"""A stack is as it was when it was new, or what differs is named."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from colordrill.drill import clean
from colordrill.drill.assets import Assets
from colordrill.drill.clean import Baseline, make_clean, prove_clean, take_baseline
from colordrill.errors import EnvironmentProblem
from colordrill.stack.comfyui import ComfyClient
from colordrill.stack.parts import TOXIPROXY_PORT, Part
from colordrill.stack.target import Executed
from fakes.clock import ManualClock
from fakes.target import FakePart, FakeTarget

STANDBY = (Part.DR_COLORIZATION, Part.HOST)
HEADERS = ("/backup/points:", "", "/backup/incoming:")


@dataclass
class Stack:
    """A stack in memory: parts, links, the files of both sites, the backup server."""

    target: FakeTarget
    primary: dict[str, str] = field(default_factory=lambda: {"./models/a": "1", "./input/b": "2"})
    dr: dict[str, str] = field(default_factory=dict)
    backup: list[str] = field(default_factory=list)
    offsite: list[str] = field(default_factory=list)
    buckets: dict[Part, list[str]] | None = None
    buckets_exit_code: int = 1
    sick: tuple[str, ...] = ()
    did: list[str] = field(default_factory=list)
    exit_code: int = 0
    kept: set[str] = field(default_factory=set)

    def keep(self, part: Part, command: Sequence[str]) -> Executed:
        if self.exit_code:
            return Executed(self.exit_code, "", "no space left")
        self.kept = set(json.loads(command[-1]))
        self.did.append(f"{part}: keep")
        for name in [each for each in self.primary if each.removeprefix("./") not in self.kept]:
            del self.primary[name]
        return Executed(0, "", "")

    def run(self, part: Part, command: Sequence[str]) -> Executed:
        text = command[-1]
        if self.exit_code:
            return Executed(self.exit_code, "", "no space left")
        if "sha256sum" in text:
            files = self.primary if part is Part.PRIMARY_AGENT else self.dr
            return Executed(0, "".join(f"{d}  {n}\n" for n, d in files.items()), "")
        if text.startswith("ls "):
            return Executed(0, "\n".join([*HEADERS, *self.backup]) + "\n", "")
        self.did.append(f"{part}: {text}")
        if "-delete" in text:
            (self.primary if part is Part.PRIMARY_AGENT else self.dr).clear()
        else:
            self.backup.clear()
        return Executed(0, "", "")

    def store(self, _part: Part, command: Sequence[str]) -> Executed:
        if command[-1] == "empty":
            self.offsite.clear()
        return Executed(0, "".join(f"{each}\n" for each in self.offsite), "")

    def has_buckets(self, _part: Part, _command: Sequence[str]) -> Executed:
        return Executed(self.buckets_exit_code if self.buckets is None else 0, "", "no daemon")

    def bucket(self, part: Part, command: Sequence[str]) -> Executed:
        assert self.buckets is not None, "it was never used"
        if command[-1] == "empty":
            self.buckets[part].clear()
            self.did.append(f"{part}: empty")
        return Executed(0, "".join(f"{each}\n" for each in self.buckets[part]), "")

    def prove(self, baseline: Baseline) -> tuple[str, ...]:
        return prove_clean(self.target, baseline)


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Stack:
    parts = {part: FakePart({"net": [part]}, running=part not in STANDBY) for part in Part}
    parts[Part.TOXIPROXY].ports = {TOXIPROXY_PORT: 40000}
    stack = Stack(FakeTarget(parts=parts))
    stack.target.programs["sh"] = stack.run
    stack.target.programs["python3"] = stack.keep
    stack.target.programs["colordrill-offsite-storage"] = stack.store
    stack.target.programs["test"] = stack.has_buckets
    stack.target.programs["colordrill-points-storage"] = stack.bucket

    class Server:
        def __init__(self, _url: str) -> None:
            """Reached by nobody."""

        def unhealthy_links(self) -> tuple[str, ...]:
            return stack.sick

    monkeypatch.setattr(clean, "ToxiproxyServer", Server)
    return stack


@pytest.fixture
def baseline(stack: Stack) -> Baseline:
    return take_baseline(stack.target)


def test_a_stack_that_nobody_touched_is_clean(stack: Stack, baseline: Baseline) -> None:
    assert stack.prove(baseline) == ()


def parts(stack: Stack) -> dict[Part, FakePart]:
    return stack.target.parts


def described(stack: Stack, **different: Any) -> None:
    gateway = parts(stack)[Part.GATEWAY]
    gateway.description = replace(gateway.description, **different)


BUCKETS = {Part.PRIMARY_STORAGE: ["v1 PUT files/a"], Part.DR_STORAGE: []}
DIFFERENCES: list[tuple[str, Callable[[Stack], object], str]] = [
    ("a part is down", lambda s: s.target.kill([Part.GATEWAY]), "gateway is"),
    ("a part runs", lambda s: s.target.start(Part.DR_COLORIZATION), "dr-colorization is"),
    ("a part is frozen", lambda s: s.target.freeze(Part.GATEWAY), "gateway is"),
    ("a part is gone from a network", lambda s: s.target.isolate(Part.BACKUP), "backup is"),
    ("a part is on another network", lambda s: s.target.rejoin(Part.BACKUP, {"x": []}), "backup"),
    ("a part has another image", lambda s: described(s, image="old:1"), "gateway is"),
    ("a part's image was rebuilt", lambda s: described(s, image_id="sha256:2"), "gateway is"),
    ("a part has other settings", lambda s: described(s, environment={"A": "b"}), "gateway is"),
    ("a part mounts otherwise", lambda s: described(s, mounts={"/x": "output"}), "gateway is"),
    ("a mount is read-only", lambda s: described(s, read_only=("/x",)), "gateway is"),
    ("a part is not restarted", lambda s: described(s, restart="no"), "gateway is"),
    ("a link has a toxic", lambda s: setattr(s, "sick", ("gateway-primary",)), "gateway-primary"),
    ("a file is new", lambda s: s.primary.update({"./output/x": "9"}), "./output/x"),
    ("a file is gone", lambda s: s.primary.pop("./models/a"), "./models/a"),
    ("a file differs", lambda s: s.primary.update({"./models/a": "9"}), "./models/a"),
    ("the DR site holds a file", lambda s: s.dr.update({"./input/x": "1"}), "DR site holds"),
    ("there is a copy off site", lambda s: s.offsite.append("local/offsite/config"), "off-site"),
    ("a bucket holds a version", lambda s: setattr(s, "buckets", BUCKETS), "v1 PUT files/a"),
    ("there is a point", lambda s: s.backup.append("20261122T201530.123Z"), "20261122T201530"),
]


@pytest.mark.parametrize(
    ("differ", "named"), [each[1:] for each in DIFFERENCES], ids=[each[0] for each in DIFFERENCES]
)
def test_each_kind_of_difference_is_found_and_named(
    stack: Stack, baseline: Baseline, differ: Callable[[Stack], object], named: str
) -> None:
    differ(stack)

    (problem,) = stack.prove(baseline)
    assert named in problem


def test_every_difference_is_named_at_once(stack: Stack, baseline: Baseline) -> None:
    for _, differ, _ in DIFFERENCES[:1] + DIFFERENCES[-3:]:
        differ(stack)

    assert len(stack.prove(baseline)) == 4


def test_a_part_that_is_absent_cannot_be_compared_and_is_an_error(
    stack: Stack, baseline: Baseline
) -> None:
    stack.target.remove(Part.PRIMARY_MIRROR)

    with pytest.raises(EnvironmentProblem, match="primary-mirror"):
        stack.prove(baseline)


def test_files_that_cannot_be_read_are_an_error_and_never_clean(
    stack: Stack, baseline: Baseline
) -> None:
    stack.exit_code = 1

    with pytest.raises(EnvironmentProblem, match="no space left"):
        stack.prove(baseline)


def test_the_helper_may_have_been_started_by_a_fault(stack: Stack, baseline: Baseline) -> None:
    stack.target.start(Part.HOST)

    assert stack.prove(baseline) == ()


class Client:
    """The service's memory."""

    def __init__(self, did: list[str]) -> None:
        self._did = did

    def forget_jobs(self) -> None:
        self._did.append("forget jobs")

    def free_memory(self) -> None:
        self._did.append("free memory")


@pytest.fixture
def cleaned(
    stack: Stack, baseline: Baseline, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], None]:
    def seed(*_: object) -> None:
        stack.did.append("seed")
        stack.primary.update({"./models/a": "1", "./input/b": "2"})

    monkeypatch.setattr(clean, "seed_primary", seed)
    monkeypatch.setattr(clean, "await_ready", lambda *_: stack.did.append("ready"))
    monkeypatch.setattr(
        clean, "switch_gateway", lambda _t, _c, site, _k: stack.did.append(f"switch to {site}")
    )

    def run() -> None:
        client = cast("ComfyClient", Client(stack.did))
        assets = cast("Assets", type("Nothing", (), {"workflows": {}})())
        make_clean(stack.target, client, clock, assets, "IMAGE=x\n", baseline)

    return run


def test_whatever_a_drill_changes_is_put_back_and_then_proven(
    stack: Stack, baseline: Baseline, cleaned: Callable[[], None]
) -> None:
    stack.target.start(Part.DR_COLORIZATION)
    stack.primary.update({"./output/x": "9", "./models/a": "8"})
    stack.dr.update({"./output/x": "9"})
    stack.backup.append("20261122T201530.123Z")
    stack.offsite.append("local/offsite/config")

    cleaned()

    assert stack.prove(baseline) == ()
    assert stack.did[:2] == ["switch to primary", "ready"]
    assert stack.did.index("seed") < stack.did.index("forget jobs") < stack.did.index("free memory")


def test_buckets_that_were_used_are_emptied_where_things_come_from_first(
    stack: Stack, baseline: Baseline, cleaned: Callable[[], None]
) -> None:
    stack.buckets = {part: ["v1 PUT files/a"] for part in BUCKETS}

    cleaned()

    assert stack.prove(baseline) == ()
    emptied = [each for each in stack.did if each.endswith(": empty")]
    assert emptied == ["primary-storage: empty", "dr-storage: empty"]


def test_where_nobody_can_see_whether_there_are_buckets_the_stack_is_not_clean(
    stack: Stack, baseline: Baseline
) -> None:
    stack.buckets_exit_code = 126

    with pytest.raises(EnvironmentProblem, match="cannot be seen"):
        stack.prove(baseline)


def test_files_that_the_image_brought_stay_where_they_are(
    stack: Stack, cleaned: Callable[[], None]
) -> None:
    """They are nowhere else: no seed could bring them back."""
    stack.primary.update({"./output/x": "9"})

    cleaned()

    assert "./output/x" not in stack.primary
    assert {"./models/a", "./input/b"} <= stack.primary.keys()
    assert stack.kept == {"models/a", "input/b"}


def test_the_dr_service_is_created_anew_even_where_it_never_ran(
    stack: Stack, cleaned: Callable[[], None]
) -> None:
    """Its own file system, and its memory of failed starts, go too."""
    cleaned()

    assert ("recreate", "dr-colorization") in stack.target.calls
    assert not stack.target.state(Part.DR_COLORIZATION).running


def test_what_cannot_be_emptied_is_an_error(stack: Stack, cleaned: Callable[[], None]) -> None:
    stack.exit_code = 1

    with pytest.raises(EnvironmentProblem, match="not used again"):
        cleaned()
