"""``junit.xml``: a test case per check, for CI servers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

from colordrill.outcome import Verdict
from colordrill.record.wording import figure, printable


def render_junit(record: Mapping[str, Any]) -> str:
    """*record* as JUnit's XML: fail is a failure, unknown an error of type ``unknown``."""
    drill, checks = record["drill"], record["checks"]
    verdicts = [check["verdict"] for check in checks]
    counts = {
        "tests": str(len(checks) or 1),
        "failures": str(verdicts.count(Verdict.FAIL.value)),
        "errors": str(verdicts.count(Verdict.UNKNOWN.value) if checks else 1),
    }
    root = ET.Element("testsuites", {"name": "colordrill", **counts})
    suite = ET.SubElement(
        root,
        "testsuite",
        {
            "name": printable(drill["scenario"]),
            "timestamp": printable(drill["started_at"]),
            **counts,
        },
    )
    _add_properties(suite, record)
    for check in checks:
        _add_case(suite, drill["scenario"], check)
    if not checks:
        _add_case(suite, drill["scenario"], _NOTHING_CHECKED)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


_NOTHING_CHECKED = {
    "name": "checks",
    "verdict": Verdict.UNKNOWN.value,
    "value": None,
    "bound": None,
    "detail": "nothing was checked",
}


def _add_properties(suite: ET.Element, record: Mapping[str, Any]) -> None:
    actuals = record["actuals"]
    figures = {
        "verdict": record["verdict"],
        "seed": record["drill"]["seed"],
        "rta_s": actuals["rta_s"],
        "rpa_s": actuals["rpa_s"],
        "chroma_ssim_min": actuals["chroma_ssim_min"],
    }
    properties = ET.SubElement(suite, "properties")
    for name, value in figures.items():
        ET.SubElement(properties, "property", name=name, value=figure(value))


def _add_case(suite: ET.Element, scenario: str, check: Mapping[str, Any]) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=f"colordrill.{printable(scenario)}",
        name=printable(check["name"]),
    )
    measured = f"measured {figure(check['value'])}, bound {figure(check['bound'])}"
    detail = printable(check["detail"])
    if check["verdict"] == Verdict.FAIL.value:
        failure = ET.SubElement(case, "failure", message=measured, type=Verdict.FAIL.value)
        failure.text = detail
    elif check["verdict"] == Verdict.UNKNOWN.value:
        error = ET.SubElement(case, "error", message=measured, type=Verdict.UNKNOWN.value)
        error.text = detail
    else:
        ET.SubElement(case, "system-out").text = f"{measured}\n{detail}"
