"""What red twins break: done on the target alone, read for success, undone where it can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from colordrill.errors import EnvironmentProblem, UnknownName
from colordrill.fault import sabotage
from colordrill.fault.sabotage import SABOTAGES, find_sabotage
from colordrill.fault.sabotaged_points import (
    keep_only_oldest,
    points_hold_old_workflow,
    points_hold_other_weights,
)
from colordrill.stack.parts import Part, SiteFolder
from colordrill.stack.target import Executed, PartChanges, Target
from fakes.target import FakePart, FakeTarget, Program

SERVICE = Part.PRIMARY_COLORIZATION
PARTS = (SERVICE, Part.DR_COLORIZATION, Part.PRIMARY_AGENT, Part.PRIMARY_MIRROR, Part.BACKUP)


class Recording(FakeTarget):
    """Keeps with what a part was created anew."""

    changes: PartChanges | None = None

    def recreate(self, part: Part, changes: PartChanges | None = None) -> None:
        self.changes = changes
        super().recreate(part, changes)


def stack(exit_code: int = 0, stdout: str = "", stderr: str = "") -> tuple[Recording, list[str]]:
    """Parts in which every command ends the same way, and what was run where."""
    ran: list[str] = []

    def program(part: Part, command: Sequence[str]) -> Executed:
        ran.append(f"{part}: {' '.join(command)}")
        return Executed(exit_code, stdout, stderr)

    programs: dict[str, Program] = dict.fromkeys(("bash", "sh", "env", "chmod", "python3"), program)
    return Recording(parts={part: FakePart() for part in PARTS}, programs=programs), ran


@pytest.mark.parametrize("name", ["", "liar", "slow_start ", "../slow-start"])
def test_an_unknown_sabotage_is_answered_by_the_list(name: str) -> None:
    with pytest.raises(UnknownName, match="no sabotage"):
        find_sabotage(name)


@pytest.mark.parametrize("name", SABOTAGES)
def test_every_sabotage_breaks_something_at_one_moment(name: str) -> None:
    found = find_sabotage(name)

    ways = [each is not None for each in (found.overlay, found.before, found.after_fault)]
    assert (found.name, ways.count(True)) == (name, 1)


def test_only_what_acts_on_a_stack_has_something_to_undo() -> None:
    assert all(each.undo is None for each in SABOTAGES.values() if each.overlay is not None)


def test_one_that_left_one_point_succeeded() -> None:
    keep_only_oldest(stack(0, "20261122T201530.123Z\n")[0])


@pytest.mark.parametrize(
    ("exit_code", "stdout"), [(0, ""), (0, "one\ntwo\n"), (1, "one\n"), (124, "")]
)
def test_one_that_did_not_work_is_an_error_and_not_a_green_twin(
    exit_code: int, stdout: str
) -> None:
    with pytest.raises(EnvironmentProblem, match="sabotage failed"):
        keep_only_oldest(stack(exit_code, stdout)[0])


REWRITES = [points_hold_other_weights, points_hold_old_workflow]


@pytest.mark.parametrize("rewrite", REWRITES)
def test_points_that_were_rewritten_are_counted(rewrite: Callable[[Target], None]) -> None:
    target, ran = stack(0, "4\n")

    rewrite(target)

    assert [each.startswith("backup: python3") for each in ran] == [True]


@pytest.mark.parametrize("rewrite", REWRITES)
@pytest.mark.parametrize(("exit_code", "stdout"), [(0, "0\n"), (0, ""), (1, "4\n")])
def test_points_of_which_none_was_rewritten_are_no_sabotage(
    rewrite: Callable[[Target], None], exit_code: int, stdout: str
) -> None:
    with pytest.raises(EnvironmentProblem, match="sabotage failed"):
        rewrite(stack(exit_code, stdout, "no such file")[0])


@pytest.mark.parametrize(
    "act",
    [sabotage.end_worker, sabotage.seal_points, sabotage.unseal_points, sabotage.stop_mirror],
)
def test_a_command_that_fails_is_told_with_what_it_said(act: Callable[[Target], None]) -> None:
    with pytest.raises(EnvironmentProblem, match=r"sabotage failed: not permitted"):
        act(stack(1, "", "not permitted\n")[0])


def test_the_restart_policy_is_taken_away_and_given_back_to_a_running_service() -> None:
    target, _ = stack()
    found = find_sabotage("restart_policy_off")
    assert found.before is not None
    assert found.undo is not None

    found.before(target)
    assert target.description(SERVICE).restart == "no"
    target.crash(SERVICE)
    assert not target.state(SERVICE).running

    found.undo(target)
    assert target.description(SERVICE).restart == "unless-stopped"
    assert target.state(SERVICE).running


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("slow_start", "sleep"),
        ("other_weights", "read_checkpoint"),
        ("liar_previous", "previous"),
        ("liar_uncoloured", "uncoloured"),
    ],
)
def test_another_service_at_the_cold_dr_site_leaves_it_cold(name: str, entry: str) -> None:
    target, _ = stack()
    dr = Part.DR_COLORIZATION
    target.kill([dr])
    found = find_sabotage(name)
    assert found.before is not None
    assert found.undo is not None

    found.before(target)
    assert target.changes is not None
    assert any(entry in word for word in target.changes.entrypoint)
    assert not target.state(dr).running
    target.start(dr)

    found.undo(target)
    assert target.changes is None
    assert not target.state(dr).running


def test_a_slow_restart_is_a_service_with_another_entry_and_then_as_described() -> None:
    target, _ = stack()
    found = find_sabotage("slow_restart")
    assert found.before is not None
    assert found.undo is not None

    found.before(target)
    assert target.changes is not None
    assert target.changes.entrypoint[-1].startswith("[ -e /tmp/started ] && sleep")

    found.undo(target)
    assert target.changes is None


def test_the_oldest_point_that_is_kept_for_good_stays_alone() -> None:
    target, ran = stack(0, "20261122T201530.123Z\n")
    found = find_sabotage("only_oldest_for_good")
    assert found.after_fault is not None
    assert found.undo is not None

    found.after_fault(target)
    found.undo(target)

    assert [each.split()[1] for each in ran] == ["bash", "chmod", "chmod"]
    assert ran[1:] == [f"backup: chmod {mode} /backup/points" for mode in ("555", "755")]


def test_sealed_points_can_be_written_again() -> None:
    target, ran = stack()

    sabotage.seal_points(target)
    sabotage.unseal_points(target)

    assert ran == [f"backup: chmod {mode} /backup/points" for mode in ("555", "755")]


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("worker_dies", SERVICE),
        ("weights_swapped", SERVICE),
        ("mirror_stuck", Part.PRIMARY_MIRROR),
    ],
)
def test_what_only_a_new_process_cures_is_started_anew(name: str, part: Part) -> None:
    target, _ = stack()
    found = find_sabotage(name)
    assert found.undo is not None
    pid = target.pid(part)

    found.undo(target)

    assert target.state(part).running
    assert target.pid(part) != pid


def test_other_weights_take_the_place_of_the_primarys_checkpoint() -> None:
    target, _ = stack()

    sabotage.swap_weights(target)

    written = target.parts[Part.PRIMARY_AGENT].files
    assert list(written) == [f"{SiteFolder.MODELS}/ddcolor/ddcolor_nano.safetensors"]
    assert len(written[f"{SiteFolder.MODELS}/ddcolor/ddcolor_nano.safetensors"][0]) > 1_000_000
