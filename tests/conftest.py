"""For all tests: who is told to end cleans up; in CI a skip that may not be is a failure."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest

MAY_NOT_SKIP = Path(__file__).parent.parent / "ci" / "may_not_skip.txt"


def may_not_skip(nodeid: str, listed: list[str]) -> bool:
    """Whether *nodeid* is one of *listed*: a file, a folder or a test by its whole id."""
    return any(nodeid == each or nodeid.startswith((f"{each}::", f"{each}/")) for each in listed)


def pytest_configure() -> None:
    """End as after Ctrl-C where a job's time limit says SIGTERM: fixtures remove their stacks.

    Stacks of tests have state directories of their own, by which nobody else would sweep them.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip of a listed test into a failure when CI is set."""
    report = yield
    if os.environ.get("CI") and report.skipped:
        lines = MAY_NOT_SKIP.read_text(encoding="utf-8").splitlines()
        listed = [line for line in lines if line and not line.startswith("#")]
        if may_not_skip(report.nodeid, listed) and not hasattr(report, "wasxfail"):
            report.outcome = "failed"
            report.longrepr = f"{report.nodeid} may not be skipped in CI: {report.longrepr}"
    return report
