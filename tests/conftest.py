"""In CI, a skipped test that may not skip is a failure."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest

MAY_NOT_SKIP = Path(__file__).parent.parent / "ci" / "may_not_skip.txt"


def may_not_skip(nodeid: str, listed: list[str]) -> bool:
    """Whether *nodeid* is one of *listed*: a file, a folder or a test by its whole id."""
    return any(nodeid == each or nodeid.startswith((f"{each}::", f"{each}/")) for each in listed)


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
