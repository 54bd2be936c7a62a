"""How reports put figures and sentences: one way for the page, the terminal and Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from colordrill.outcome import Verdict

NOT_MEASURED = "–"
_HUNDREDTHS_BELOW_S = 10

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")

BREAKDOWN_LABELS: dict[str, str] = {
    "detect_s": "detect",
    "start_s": "start container",
    "mount_s": "mount backup",
    "verify_s": "verify",
    "switch_s": "switch gateway",
    "first_correct_s": "first correct picture",
}
"""The parts of the recovery time, in order."""


def printable(text: object) -> str:
    """*text* without what could steer a terminal, turn its direction or break XML."""
    return _SURROGATE.sub("\ufffd", _CONTROL.sub("\ufffd", str(text)))


def seconds(value: float | None, *, signed: bool = False) -> str:
    """A time in seconds, as precise as it is worth."""
    if value is None:
        return NOT_MEASURED
    digits = _digits(value)
    number = f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
    return f"{number.replace('-', '−')} s"


def _digits(value: float) -> int:
    if float(value).is_integer():
        return 0
    return 2 if abs(value) < _HUNDREDTHS_BELOW_S else 1


def score(value: float | None) -> str:
    """A similarity or a colour difference."""
    return NOT_MEASURED if value is None else f"{value:.4f}"


def figure(value: object) -> str:
    """What a check measured or was measured against."""
    if value is None:
        return NOT_MEASURED
    return f"{value:.6g}" if isinstance(value, float) else printable(value)


def breakdown(record: Mapping[str, Any]) -> list[tuple[str, float]]:
    """The measured parts of the recovery time with their labels, in order."""
    parts = record["actuals"]["rta_breakdown"]
    return [
        (label, parts[key]) for key, label in BREAKDOWN_LABELS.items() if parts[key] is not None
    ]


def headline(record: Mapping[str, Any]) -> str:
    """The conclusion in one sentence."""
    verdict = Verdict(record["verdict"])
    named = [check["name"] for check in record["checks"] if check["verdict"] == verdict.value]
    if verdict is Verdict.FAIL:
        return f"Not met: {', '.join(map(printable, named))}."
    if verdict is Verdict.UNKNOWN:
        return f"Not proven: {', '.join(map(printable, named)) or 'nothing was checked'}."
    return f"Recovered {_in_time(record)}, {_with_data(record)}, {_in_colour(record)}."


def _in_time(record: Mapping[str, Any]) -> str:
    rta_s = record["actuals"]["rta_s"]
    limit = seconds(record["objectives"]["rto_s"])
    return "in time" if rta_s is None else f"in {seconds(rta_s)} of {limit} allowed"


def _with_data(record: Mapping[str, Any]) -> str:
    counts = record["counts"]
    before = "with all acknowledged work"
    if counts["lost"] + counts["corrupt"]:
        lost, allowed = record["actuals"]["rpa_s"], record["objectives"]["rpo_s"]
        before = f"losing {seconds(lost)} of work of {seconds(allowed)} allowed"
    later = [
        f"{counts[key]} {name}{'s' if counts[key] > 1 else ''}"
        for key, name in (("lost_after_fault", "item"), ("jobs_lost", "accepted job"))
        if counts[key]
    ]
    return f"{before} (but for what was lost later: {', '.join(later)})" if later else before


def _in_colour(record: Mapping[str, Any]) -> str:
    worst = record["actuals"]["chroma_ssim_min"]
    return (
        "colours verified"
        if worst is None
        else f"with the right colours (chroma SSIM {score(worst)})"
    )
