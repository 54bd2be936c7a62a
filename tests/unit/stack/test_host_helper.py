"""The privileged helper: what is missing where it cannot be had, and why."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

import pytest
from docker.errors import APIError

from colordrill.errors import EnvironmentProblem
from colordrill.stack.engine import Engine
from colordrill.stack.host_helper import NEEDS_HELPER, HostHelper
from colordrill.stack.target import Capability, Executed

ALL_WORK = {each.value: None for each in NEEDS_HELPER}


class Helper:
    """The helper's container."""

    def __init__(self, *, starts: bool = True) -> None:
        self.starts = starts
        self.started = 0
        self.attrs: dict[str, Any] = {"State": {"Running": False, "Pid": 0}}

    def start(self) -> None:
        self.started += 1
        if not self.starts:
            raise APIError("operation not permitted")

    def reload(self) -> None:
        self.attrs = {"State": {"Running": True, "Pid": 77}}


class ScriptedEngine:
    """An engine that has *helper*, or none, whose commands all end in the same way."""

    def __init__(self, helper: Helper | None, done: Executed) -> None:
        self.helper = helper
        self.done = done
        self.commands: list[list[str]] = []

    def find(self, _part: object) -> Helper | None:
        return self.helper

    def execute(self, _container: object, command: Sequence[str], _limit_s: float) -> Executed:
        self.commands.append(list(command))
        return self.done


def helper_of(engine: ScriptedEngine, refusal: str = "") -> HostHelper:
    return HostHelper(cast("Engine", engine), refusal)


def answering(found: object) -> ScriptedEngine:
    return ScriptedEngine(Helper(), Executed(0, json.dumps(found), ""))


def test_where_everything_works_nothing_is_missing_and_it_is_tried_once() -> None:
    engine = answering(ALL_WORK)
    helper = helper_of(engine)

    assert helper.missing() == helper.missing() == {}

    assert engine.commands == [["host-capabilities", "77"]]
    assert engine.helper is not None
    assert engine.helper.started == 1


def test_what_does_not_work_is_missing_with_its_reason() -> None:
    helper = helper_of(answering(ALL_WORK | {"block_device": "no /dev/fuse"}))

    assert helper.missing() == {Capability.BLOCK_DEVICE: "no /dev/fuse"}


def test_a_refused_helper_is_missing_everything_for_the_reason_that_the_engine_gave() -> None:
    helper = helper_of(ScriptedEngine(None, Executed(0, "", "")), "privileged is not allowed")

    assert helper.missing() == dict.fromkeys(NEEDS_HELPER, "privileged is not allowed")
    with pytest.raises(EnvironmentProblem, match="privileged is not allowed") as caught:
        helper.run(["true"], 1.0)
    assert caught.value.next_step


def test_a_helper_that_does_not_start_is_missing_everything() -> None:
    helper = helper_of(ScriptedEngine(Helper(starts=False), Executed(0, "", "")))

    missing = helper.missing()

    assert set(missing) == NEEDS_HELPER
    assert "operation not permitted" in missing[Capability.PACKET_FILTER]


@pytest.mark.parametrize("printed", ["", "nonsense", "[]", "5", "null", "{}"])
def test_a_probe_that_says_nothing_is_never_taken_for_a_capability(printed: str) -> None:
    helper = helper_of(ScriptedEngine(Helper(), Executed(127, printed, "not found")))

    missing = helper.missing()

    assert set(missing) == NEEDS_HELPER
    assert all("127: not found" in reason for reason in missing.values())
