"""``report.md``: the record for a repository, an issue or a chat."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from colordrill.record.wording import breakdown, figure, headline, printable, score, seconds

_SPECIAL = re.compile(r"([\\`*\[\]|~])")
_SIGNS = {"pass": "✅", "fail": "❌", "unknown": "❔", "ok": "✅"}


def render_markdown(record: Mapping[str, Any]) -> str:
    """*record* as GitHub-flavoured Markdown; text from outside is escaped."""
    drill = record["drill"]
    blocks = [
        f"# {_sign(record['verdict'])} {record['verdict'].upper()}: {_escape(drill['scenario'])}",
        _escape(headline(record)),
        _figures(record),
        _breakdown_line(record),
        *_section("Checks", _checks(record)),
        *_section("Runbook", _steps(record)),
        *_section("Faults", _faults(record)),
        *_section("Acknowledged work", _pairs(record["counts"])),
        *_section("Problems", _list(record["problems"])),
        *_section("Improvements", _list(record["improvements"])),
        *_section("Drill", _pairs(drill)),
        *_section("Participants", _list(record["participants"])),
        *_section("Environment", _pairs(_environment(record["environment"]))),
        *_section("Measurements", _pairs(record.get("measurements", {}))),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _figures(record: Mapping[str, Any]) -> str:
    actuals, wanted = record["actuals"], record["objectives"]
    of_record = f"{seconds(wanted['rto_of_record_s'])}", f"{seconds(wanted['rpo_of_record_s'])}"
    rows = [
        ("RTA", seconds(actuals["rta_s"]), f"≤ {seconds(wanted['rto_s'])}", f"≤ {of_record[0]}"),
        ("RTA from detection", seconds(actuals["rta_from_detection_s"]), "", ""),
        ("RPA", seconds(actuals["rpa_s"]), f"≤ {seconds(wanted['rpo_s'])}", f"≤ {of_record[1]}"),
        ("wrong pictures for", seconds(actuals["bad_output_s"]), "", ""),
        ("chroma SSIM", score(actuals["chroma_ssim_min"]), f"≥ {wanted['chroma_ssim_min']}", ""),
        ("worst tile", score(actuals["chroma_tile_min"]), f"≥ {wanted['chroma_tile_min']}", ""),
        ("luma SSIM", score(actuals["luma_ssim_min"]), f"≥ {wanted['luma_ssim_min']}", ""),
        ("mean ΔE", score(actuals["delta_e_max"]), f"≤ {wanted['delta_e_max']}", ""),
    ]
    return _table(("", "measured", "objective", "objective of record"), rows)


def _breakdown_line(record: Mapping[str, Any]) -> str:
    parts = [f"{label} {seconds(value)}" for label, value in breakdown(record)]
    return f"RTA by part: {' · '.join(parts)}" if parts else ""


def _checks(record: Mapping[str, Any]) -> str:
    rows = [
        (
            f"{_sign(check['verdict'])} {check['verdict']}",
            _escape(check["name"]),
            _escape(figure(check["value"])),
            _escape(figure(check["bound"])),
            _escape(check["detail"]),
        )
        for check in record["checks"]
    ]
    return _table(("", "check", "measured", "bound", "detail"), rows) or "Nothing was checked."


def _steps(record: Mapping[str, Any]) -> str:
    rows = [
        (
            f"{_sign(step['outcome'])} {step['outcome']}",
            _escape(step["name"]),
            seconds(step["started_s"], signed=True),
            seconds(step["ended_s"], signed=True),
            _escape(step["detail"]),
        )
        for step in record["steps"]
    ]
    return _table(("", "step", "from", "to", "detail"), rows)


def _faults(record: Mapping[str, Any]) -> str:
    rows = [
        (
            _escape(fault["name"]),
            _escape(fault["target"]),
            seconds(fault["injected_s"], signed=True),
            seconds(fault["healed_s"], signed=True),
            "; ".join(_escape(each["detail"]) for each in fault["evidence"]) or "none",
        )
        for fault in record["faults"]
    ]
    return _table(("fault", "target", "injected", "healed", "evidence"), rows)


def _environment(environment: Mapping[str, Any]) -> dict[str, object]:
    facts: dict[str, object] = {}
    for group in ("host", "engine", "software", "images"):
        facts |= {f"{group}: {name}": value for name, value in environment[group].items()}
    return facts | {"configuration SHA-256": environment["config_sha256"]}


def _section(title: str, body: str) -> Iterator[str]:
    if body:
        yield f"## {title}"
        yield body


def _pairs(facts: Mapping[str, object]) -> str:
    return _table(
        ("", ""), [(_escape(name), _escape(figure(value))) for name, value in facts.items()]
    )


def _list(sentences: Iterable[str]) -> str:
    return "\n".join(f"- {_escape(sentence)}" for sentence in sentences)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    if not lines:
        return ""
    return "\n".join([f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}", *lines])


def _sign(verdict: str) -> str:
    return _SIGNS.get(verdict, "")


def _escape(text: object) -> str:
    """One line that Markdown shows as it is."""
    line = " ".join(printable(text).split())
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        line = line.replace(character, entity)
    return _SPECIAL.sub(r"\\\1", line)
