from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from colordrill.errors import RecordProblem
from colordrill.record.schema import find_violations, load_schema, validate

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "record.md"
_ROW = re.compile(r"^\| `([a-z0-9_.\[\]]+)` \|", re.MULTILINE)


def field_paths(schema: dict[str, Any], prefix: str = "") -> set[str]:
    """Every named field of the schema, `a.b` for objects and `a[].b` for arrays of objects."""
    found = set()
    for name, inner in schema.get("properties", {}).items():
        array = "[]" if inner.get("type") == "array" else ""
        nested = inner.get("items", {}) if array else inner
        found |= {f"{prefix}{name}{array}"} | field_paths(nested, f"{prefix}{name}{array}.")
    return found


OPTIONAL = {"measurements", "actuals.available_s", "actuals.outage_s"}
"""What records of earlier versions lack."""


def documented() -> set[str]:
    return set(_ROW.findall(REFERENCE.read_text("utf-8")))


def value_at(record: dict[str, Any], path: str) -> Any:
    here: Any = record
    *parents, last = path.split(".")
    for part in (*parents, last):
        name = part.removesuffix("[]")
        assert name in here, path
        here = here[name]
        if part.endswith("[]") and part != last:
            here = here[0]
    return here


def test_the_schema_is_itself_a_schema() -> None:
    Draft202012Validator.check_schema(load_schema())


def test_the_reference_describes_every_field_and_no_other() -> None:
    assert documented() == field_paths(load_schema())


def test_a_built_record_has_every_documented_field(record: dict[str, Any]) -> None:
    for path in documented():
        value_at(record, path)


def test_a_built_record_is_valid_also_after_json(record: dict[str, Any]) -> None:
    validate(record)
    validate(json.loads(json.dumps(record, allow_nan=False)))


@pytest.mark.parametrize(
    "path",
    sorted(documented() - OPTIONAL),
)
def test_every_documented_field_is_required(record: dict[str, Any], path: str) -> None:
    broken = copy.deepcopy(record)
    *parents, name = path.split(".")
    holder = value_at(broken, ".".join(parents)) if parents else broken
    holder = holder[0] if isinstance(holder, list) else holder
    del holder[name.removesuffix("[]")]
    assert find_violations(broken)


@pytest.mark.parametrize(
    "path", ["", "drill", "environment", "actuals.rta_breakdown", "counts", "checks[]", "steps[]"]
)
def test_unknown_fields_are_refused(record: dict[str, Any], path: str) -> None:
    broken = copy.deepcopy(record)
    holder = value_at(broken, path) if path else broken
    holder = holder[0] if isinstance(holder, list) else holder
    holder["surprise"] = 1
    with pytest.raises(RecordProblem, match="surprise"):
        validate(broken)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("schema_version", 2),
        ("drill.seed", "1"),
        ("drill.started_at", "yesterday"),
        ("environment.config_sha256", "abc"),
        ("objectives.rto_s", None),
        ("objectives.rto_s", 0),
        ("actuals.rta_s", "13.6"),
        ("actuals.rta_s", -1.0),
        ("actuals.chroma_ssim_min", 1.5),
        ("actuals.rpa_s", True),
        ("actuals.rpa_s", float("nan")),
        ("actuals.rta_s", 10**400),
        ("counts.lost", 10**400),
        ("measurements", {"wall_s": -(10**400)}),
        ("counts.lost", 1.5),
        ("counts.lost", -1),
        ("verdict", "passed"),
        ("participants", "me"),
        ("problems", [""]),
        ("measurements", {"wall_s": "long"}),
    ],
)
def test_wrong_values_are_refused(record: dict[str, Any], path: str, value: object) -> None:
    broken = copy.deepcopy(record)
    *parents, name = path.split(".")
    holder = value_at(broken, ".".join(parents)) if parents else broken
    holder[name] = value
    with pytest.raises(RecordProblem, match=re.escape(name)):
        validate(broken)


def test_all_violations_are_listed_together(record: dict[str, Any]) -> None:
    record["drill"]["seed"] = "1"
    record["actuals"]["rta_s"] = float("inf")
    del record["counts"]["lost"]
    with pytest.raises(RecordProblem) as caught:
        validate(record)
    for part in ("3 place(s)", "$.drill.seed", "$.actuals.rta_s", "'lost' is a required property"):
        assert part in str(caught.value)


def test_a_verdict_that_its_checks_do_not_support_is_refused(failed: dict[str, Any]) -> None:
    failed["verdict"] = "pass"
    with pytest.raises(RecordProblem, match="the worst of its checks is fail"):
        validate(failed)


@pytest.mark.parametrize("nonsense", [None, [], "record", 7, {}])
def test_what_is_no_record_at_all_is_refused(nonsense: object) -> None:
    with pytest.raises(RecordProblem):
        validate(nonsense)


def test_huge_values_do_not_flood_the_message(record: dict[str, Any]) -> None:
    record["verdict"] = "x" * 100_000
    with pytest.raises(RecordProblem) as caught:
        validate(record)
    assert len(str(caught.value)) < 1_000
