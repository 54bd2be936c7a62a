"""Remove, recreate, description: the same of every Target."""

from __future__ import annotations

import pytest

from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part, SiteFolder
from colordrill.stack.target import PartChanges
from fakes.labs import ABSENT, GREETING, MOUNTS, PUBLISHED_PORT, STANDBY, Lab

AGENT, GATEWAY = Part.PRIMARY_AGENT, Part.GATEWAY
LITERAL = '${HOME} $$ $1 \'x\' "y" 人物\n, "volumes": '


def test_a_description_is_what_the_part_was_created_with(lab: Lab) -> None:
    found = lab.target.description(AGENT)

    assert (found.image, found.restart) == (lab.image, "unless-stopped")
    assert found.image_id.startswith("sha256:")
    assert found.image_created is not None
    assert found.environment["GREETING"] == GREETING
    assert found.mounts == MOUNTS
    assert found.read_only == ("/site/models",)


def test_what_is_down_has_a_description_too(lab: Lab) -> None:
    assert lab.target.description(STANDBY).image == lab.image


def test_a_removed_part_is_absent_and_removing_it_again_is_no_error(lab: Lab) -> None:
    lab.target.remove(AGENT)
    lab.target.remove(AGENT)
    lab.target.remove(ABSENT)

    assert not lab.target.state(AGENT).exists
    assert lab.target.state(GATEWAY).running


def test_an_absent_part_is_created_as_described_and_started_and_its_data_are_there(
    lab: Lab,
) -> None:
    before = lab.target.state(AGENT)
    lab.target.put_files(AGENT, SiteFolder.OUTPUT, {"kept.png": b"picture"})
    lab.target.remove(AGENT)

    lab.target.recreate(AGENT)

    assert lab.target.state(AGENT) == before
    assert lab.target.description(AGENT) == lab.described[AGENT]
    assert lab.file(AGENT, "output/kept.png")[0] == b"picture"
    assert lab.resolves(GATEWAY, "primary-agent")


def test_an_absent_part_that_stood_by_is_created_and_started(lab: Lab) -> None:
    lab.target.remove(STANDBY)

    lab.target.recreate(STANDBY)

    assert lab.target.state(STANDBY).running


def test_a_part_created_anew_is_another_process_and_nobody_else_is_touched(lab: Lab) -> None:
    pid, other = lab.target.pid(AGENT), lab.target.pid(GATEWAY)

    lab.target.recreate(AGENT)

    assert lab.target.pid(AGENT) != pid
    assert lab.target.pid(GATEWAY) == other


def test_a_part_that_did_not_run_is_created_and_not_started(lab: Lab) -> None:
    lab.target.recreate(STANDBY, PartChanges(environment={"A": "1"}))

    state = lab.target.state(STANDBY)
    assert (state.exists, state.running, state.exit_code) == (True, False, None)
    assert lab.target.description(STANDBY).environment["A"] == "1"


def test_a_frozen_and_isolated_part_created_anew_is_neither(lab: Lab) -> None:
    before = lab.target.state(AGENT)
    lab.target.isolate(AGENT)
    lab.target.freeze(AGENT)

    lab.target.recreate(AGENT)

    assert lab.target.state(AGENT) == before


def test_all_changes_at_once_are_what_it_is_created_with(lab: Lab) -> None:
    changes = PartChanges(
        image=lab.other_image,
        environment={"GREETING": LITERAL, "volumes": "1"},
        mounts={SiteFolder.OUTPUT: "/elsewhere $HOME"},
        read_only=(SiteFolder.OUTPUT,),
        restart="no",
    )

    lab.target.recreate(AGENT, changes)

    found = lab.target.description(AGENT)
    assert lab.target.state(AGENT).running
    assert (found.image, found.restart) == (lab.other_image, "no")
    assert found.image_id != lab.described[AGENT].image_id
    assert (found.environment["GREETING"], found.environment["volumes"]) == (LITERAL, "1")
    assert found.mounts == {
        "/elsewhere $HOME": "output",
        "/site/models": "models",
        "/with $HOME": "backup",
    }
    assert found.read_only == ("/elsewhere $HOME", "/site/models")


def test_without_changes_it_is_as_described_again(lab: Lab) -> None:
    lab.target.recreate(AGENT, PartChanges(environment={"NEW": "1"}, read_only=("output",)))
    assert lab.target.description(AGENT) != lab.described[AGENT]

    lab.target.recreate(AGENT)
    lab.target.recreate(AGENT)

    assert lab.target.description(AGENT) == lab.described[AGENT]


def test_changes_are_laid_over_the_description_and_not_over_earlier_changes(lab: Lab) -> None:
    lab.target.recreate(AGENT, PartChanges(environment={"FIRST": "1"}))
    lab.target.recreate(AGENT, PartChanges(environment={"SECOND": "1"}))

    environment = lab.target.description(AGENT).environment
    assert "SECOND" in environment
    assert "FIRST" not in environment


def test_changes_that_change_nothing_are_none(lab: Lab) -> None:
    lab.target.recreate(AGENT, PartChanges())

    assert lab.target.description(AGENT) == lab.described[AGENT]


def test_a_published_port_is_found_after_the_part_was_created_anew(lab: Lab) -> None:
    lab.target.recreate(GATEWAY)

    assert lab.target.endpoint(GATEWAY, PUBLISHED_PORT).startswith("http://127.0.0.1:")


def test_an_image_that_is_not_there_is_not_pulled_and_the_part_stays_as_it_was(lab: Lab) -> None:
    pid = lab.target.pid(AGENT)

    with pytest.raises(EnvironmentProblem, match=AGENT) as caught:
        lab.target.recreate(AGENT, PartChanges(image="no-such-image:1"))

    assert caught.value.next_step
    assert lab.target.pid(AGENT) == pid


@pytest.mark.parametrize(
    "changes",
    [PartChanges(mounts={"workflows": "/x"}), PartChanges(read_only=("workflows",))],
    ids=["mounts", "read_only"],
)
def test_a_folder_that_is_not_mounted_is_named_and_the_part_stays_as_it_was(
    lab: Lab, changes: PartChanges
) -> None:
    with pytest.raises(EnvironmentProblem, match="workflows") as caught:
        lab.target.recreate(AGENT, changes)

    assert caught.value.next_step
    assert lab.target.description(AGENT) == lab.described[AGENT]
