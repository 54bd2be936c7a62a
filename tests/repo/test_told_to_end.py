"""A run of tests that is told to end, as by a time limit, takes back what its fixtures made."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from colordrill.clock import SystemClock, poll

LIMIT_S = 60.0
SUITE = """
import pathlib, signal, pytest

@pytest.fixture
def stack():
    standing = pathlib.Path("standing")
    standing.touch()
    yield
    standing.unlink()

def test_that_takes_long(stack):
    pathlib.Path("under_way").touch()
    signal.pause()
"""


def test_fixtures_are_taken_back_after_sigterm(tmp_path: Path) -> None:
    suite = tmp_path / "test_suite.py"
    suite.write_text(SUITE)
    tests = Path(__file__).parent.parent
    # the conftest of all tests, as a plugin
    command = [sys.executable, "-m", "pytest", "-q", "-p", "conftest", "-c", os.devnull, str(suite)]
    with subprocess.Popen(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tests)}, stdout=subprocess.PIPE
    ) as running:
        try:
            poll(
                SystemClock(),
                lambda: (tmp_path / "under_way").exists() or None,
                awaited="the test to be under way",
                timeout_s=LIMIT_S,
            )
            running.send_signal(signal.SIGTERM)
            exit_code = running.wait(LIMIT_S)
        finally:
            running.kill()

    assert exit_code == 2
    assert not (tmp_path / "standing").exists()
