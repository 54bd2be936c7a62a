"""Administrators hear of a drill's recovery; what becomes of their notices changes no verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contract.webhook.receiver import SECRET, Receiver, receiver
from drills.conftest import Ended


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver that the command line is told of by its environment."""
    with receiver() as running:
        address = running.url.replace("http://", "http://ops:opensesame@")
        monkeypatch.setenv("COLORDRILL_NOTIFY_URL", f"{address}/T0KEN?key=qu3ry")
        monkeypatch.setenv("COLORDRILL_NOTIFY_SECRET", SECRET.decode())
        monkeypatch.setenv("NO_PROXY", "*")
        yield running


@pytest.mark.drill
@pytest.mark.nightly
def test_a_drill_tells_of_its_runbook_and_keeps_the_secrets(
    colordrill: Callable[..., Ended], listening: Receiver, tmp_path: Path
) -> None:
    ended = colordrill("host_power_loss")

    assert ended.exit_code == 0
    assert all(each.verifies() for each in listening.arrived)
    told = [(each.notice["event"], each.notice["step"]) for each in listening.arrived]
    steps = [("step", name) for name in ("start", "mount", "verify", "switch", "record")]
    assert told == [("started", None), *steps, ("ended", None)]
    assert listening.arrived[-1].notice["outcome"] == "done"
    assert {each.notice["recovery"] for each in listening.arrived} == {ended.record["drill"]["id"]}
    assert ended.record["problems"] == []
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    for secret in (b"opensesame", b"T0KEN", b"qu3ry", SECRET):
        assert not [content for content in written if secret in content]
        assert secret.decode() not in ended.stdout + ended.stderr


@pytest.mark.drill
@pytest.mark.nightly
def test_a_receiver_that_hangs_is_a_problem_of_the_record_and_no_verdict(
    colordrill: Callable[..., Ended], listening: Receiver
) -> None:
    listening.behave = lambda _number: "hang"

    ended = colordrill("host_power_loss")

    assert ended.exit_code == 0
    assert ended.record["verdict"] == "pass"
    (problem,) = ended.record["problems"]
    assert f"7 of 7 notices to {listening.url} are not known to have arrived" in problem
    assert "7 of 7 notices" in ended.stderr
