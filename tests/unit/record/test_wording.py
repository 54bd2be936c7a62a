"""The headline names every loss of acknowledged work, also where the objectives allow it."""

from __future__ import annotations

from typing import Any

import pytest

from colordrill.record.wording import headline

NOTHING = {"lost": 0, "corrupt": 0, "lost_after_fault": 0, "jobs_lost": 0}


def with_losses(record: dict[str, Any], **losses: int) -> str:
    told = {**record, "verdict": "pass", "counts": {**record["counts"], **NOTHING, **losses}}
    return headline(told)


def test_all_work_is_there_where_nothing_was_lost(record: dict[str, Any]) -> None:
    assert "with all acknowledged work, with" in with_losses(record)


@pytest.mark.parametrize("lost", ["lost", "corrupt"])
def test_what_was_lost_before_the_fault_is_told_as_time(record: dict[str, Any], lost: str) -> None:
    assert "losing 1.20 s of work of 10 s allowed, with" in with_losses(record, **{lost: 1})


@pytest.mark.parametrize(
    ("losses", "told"),
    [
        ({"lost_after_fault": 2}, "2 items"),
        ({"jobs_lost": 1}, "1 accepted job"),
        ({"lost_after_fault": 1, "jobs_lost": 2}, "1 item, 2 accepted jobs"),
    ],
)
def test_what_was_lost_later_is_told_too(
    record: dict[str, Any], losses: dict[str, int], told: str
) -> None:
    later = f" (but for what was lost later: {told}), with"

    assert f"with all acknowledged work{later}" in with_losses(record, **losses)
    assert f"of 10 s allowed{later}" in with_losses(record, **losses, lost=1)
