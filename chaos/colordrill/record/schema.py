"""The shape of ``record.json``: a JSON Schema, and the rules that a schema cannot say."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator

from colordrill.errors import RecordProblem
from colordrill.outcome import Verdict, worst

SCHEMA_VERSION = 1
_MESSAGE_LENGTH_MAX = 240
_NUMBER_MAX = sys.float_info.max


@cache
def load_schema() -> dict[str, Any]:
    """The JSON Schema of ``record.json``; not to be changed by the caller."""
    text = resources.files("colordrill.record").joinpath("schema.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def find_violations(record: object) -> list[str]:
    """Everything that is wrong with *record*, one sentence each; empty when nothing is."""
    errors = sorted(
        Draft202012Validator(load_schema()).iter_errors(record), key=lambda error: error.json_path
    )
    found = [f"{error.json_path}: {_shorten(error.message)}" for error in errors]
    found.extend(f"{path}: not a finite number" for path in _non_finite("$", record))
    # the schema's own errors first: the verdict can be recomputed only from well-formed checks
    return found or list(_verdict_contradiction(record))


def validate(record: object) -> None:
    """Accept *record* or refuse it with everything that is wrong with it.

    Raises:
        RecordProblem: lists all violations together.
    """
    violations = find_violations(record)
    if violations:
        listing = "".join(f"\n  - {each}" for each in violations)
        raise RecordProblem(
            f"the record breaks its schema in {len(violations)} place(s):{listing}",
            "docs/reference/record.md describes every field",
        )


def _non_finite(path: str, value: object) -> Iterator[str]:
    """Paths of NaN, infinities and whole numbers that no figure can be made of."""
    if isinstance(value, (int, float)):
        if not -_NUMBER_MAX <= value <= _NUMBER_MAX:
            yield path
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _non_finite(f"{path}.{key}", inner)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _non_finite(f"{path}[{index}]", inner)


def _verdict_contradiction(record: object) -> Iterator[str]:
    """A verdict that its own checks do not support is the one lie a record must never tell."""
    if isinstance(record, Mapping):
        expected = worst(Verdict(check["verdict"]) for check in record["checks"])
        if record["verdict"] != expected.value:
            yield f"$.verdict: {record['verdict']!r}, but the worst of its checks is {expected!s}"


def _shorten(message: str) -> str:
    if len(message) <= _MESSAGE_LENGTH_MAX:
        return message
    # the end of a jsonschema message says what was expected, its middle repeats the value
    half = _MESSAGE_LENGTH_MAX // 2
    return f"{message[:half]} … {message[-half:]}"
