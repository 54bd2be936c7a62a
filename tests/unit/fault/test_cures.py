"""Cures that need one another, and peers that cannot look for a moment."""

from __future__ import annotations

from colordrill.errors import EnvironmentProblem
from colordrill.history import EventType
from fakes.faults import Bench, raising


def test_a_cure_that_needs_what_a_later_one_brings_back_is_tried_once_more(bench: Bench) -> None:
    bench.second.acts["heal"] = raising(EnvironmentProblem("its agent is down"))
    bench.first.acts["heal"] = bench.second.acts.clear

    bench.run()

    assert bench.log[-5:] == ["heal b", "heal a", "heal b", "healed a", "healed b"]
    told = [(event.type.value, event.data["name"]) for event in bench.told("heal")]
    assert ("fail", "b") in told
    assert told[-2:] == [("ok", "a"), ("ok", "b")]


def test_who_cannot_look_at_a_cure_for_a_moment_is_asked_again(bench: Bench) -> None:
    def once() -> None:
        bench.first.acts.clear()
        raise EnvironmentProblem("the proxy has just been started")

    bench.first.acts["healed"] = once

    bench.run()

    assert [event.data["name"] for event in bench.told("heal", EventType.OK)] == ["b", "a"]
