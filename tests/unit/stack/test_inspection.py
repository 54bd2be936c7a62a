"""What the engine says of a container, in the words of the Target."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from colordrill.stack.inspection import created_at, description_of, folder_of, is_up, state_of
from colordrill.stack.parts import Part

NEVER = "0001-01-01T00:00:00Z"


def container(**state: object) -> dict[str, Any]:
    plain = {"Running": True, "StartedAt": "2026-01-01T00:00:00Z", "ExitCode": 0}
    return {"State": plain | state, "NetworkSettings": {"Networks": {}}, "RestartCount": 4}


def test_between_two_restarts_nothing_runs_though_the_engine_says_so() -> None:
    waiting = container(Restarting=True, ExitCode=137, OOMKilled=True)

    state = state_of(waiting)

    assert not is_up(waiting)
    assert (state.running, state.exit_code, state.restarts) == (False, 137, 4)
    assert state.out_of_memory


def test_only_what_has_ended_has_an_exit_code() -> None:
    assert state_of(container()).exit_code is None
    assert state_of(container(Running=False, StartedAt=NEVER)).exit_code is None
    assert state_of(container(Running=False)).exit_code == 0


def test_a_container_says_when_it_was_started_unless_it_never_was() -> None:
    started = state_of(container(StartedAt="2026-05-22T20:15:30.123456789Z")).started_at

    assert started == datetime(2026, 5, 22, 20, 15, 30, 123_456, tzinfo=UTC)
    assert state_of(container(Running=False, StartedAt=NEVER)).started_at is None


def test_a_paused_container_is_frozen() -> None:
    assert state_of(container(Paused=True)).frozen
    assert not state_of(container(Paused=False)).frozen
    assert not state_of(container()).frozen


@pytest.mark.parametrize(
    ("volume", "part", "folder"),
    [
        ("primary-output", Part.PRIMARY_AGENT, "output"),
        ("dr-output", Part.DR_COLORIZATION, "output"),
        ("primary-output", Part.DR_COLORIZATION, None),
        ("primary-output", Part.BACKUP, None),
        ("primary-objects", Part.PRIMARY_STORAGE, None),
        ("backup", Part.BACKUP, None),
        ("output", Part.PRIMARY_AGENT, None),
        ("", Part.PRIMARY_AGENT, None),
    ],
)
def test_only_a_sites_own_volume_is_its_folder(volume: str, part: Part, folder: str | None) -> None:
    assert folder_of(volume, part) == folder


def test_mounts_are_named_by_folder_volume_or_path() -> None:
    attributes = {
        "Config": {"Image": "image:1", "Env": ["A=b=c", "EMPTY=", "BARE"]},
        "Image": "sha256:1",
        "HostConfig": {"RestartPolicy": {"Name": ""}},
        "Mounts": [
            {"Type": "volume", "Name": "p_primary-output", "Destination": "/o", "RW": False},
            {"Type": "volume", "Name": "p_dr-output", "Destination": "/dr", "RW": True},
            {"Type": "volume", "Name": "p_backup", "Destination": "/b", "RW": True},
            {"Type": "bind", "Source": "/dev", "Destination": "/dev", "RW": True},
            {"Type": "tmpfs", "Source": "", "Destination": "/tmp", "RW": True},
        ],
    }

    found = description_of(attributes, Part.PRIMARY_AGENT, "p")

    assert found.environment == {"A": "b=c", "EMPTY": "", "BARE": ""}
    assert dict(found.mounts) == {
        "/o": "output",
        "/dr": "dr-output",
        "/b": "backup",
        "/dev": "/dev",
        "/tmp": "tmpfs",
    }
    assert found.read_only == ("/o",)
    assert (found.image, found.image_id, found.restart) == ("image:1", "sha256:1", "no")


def test_an_image_says_when_it_was_built() -> None:
    built = created_at({"Created": "2026-05-22T20:15:30.123456789Z"})

    assert built == datetime(2026, 5, 22, 20, 15, 30, 123_456, tzinfo=UTC)


@pytest.mark.parametrize(
    "image",
    [{}, {"Created": ""}, {"Created": NEVER}, {"Created": "May"}, {"Created": "2026-05-22"}],
)
def test_an_image_that_does_not_say_has_no_age(image: dict[str, Any]) -> None:
    assert created_at(image) is None
