"""The gate: every workflow file is verified against a running service, and can fail it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from clients.reference import Reference
from colordrill.cli import main
from colordrill.data import fixtures
from workflows.damage import BUILDING_FILE, PERSON_FILE, set_size

CHECKS = ("file", "size", "checkpoint", "nodes", "inputs", "api", "golden")


def verify(reference: Reference, *options: str) -> Result:
    return CliRunner().invoke(main, ["workflows", "verify", "--url", reference.url, *options])


def wrong(result: Result) -> set[tuple[str, str]]:
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return {(each["workflow"], each["check"]) for each in found if each["outcome"] == "WRONG"}


def test_the_bundled_workflows_are_right(reference: Reference) -> None:
    result = verify(reference)

    files = (PERSON_FILE, BUILDING_FILE)
    expected = {f"{file} {check}: right" for file in files for check in CHECKS}
    assert (result.exit_code, result.stderr) == (0, "")
    assert set(result.stdout.splitlines()) == expected | {"MANIFEST.json manifest: right"}


def test_a_building_workflow_that_was_never_updated_fails_by_its_size_and_its_picture(
    reference: Reference, copied: Path
) -> None:
    set_size(copied, BUILDING_FILE, 680)

    result = verify(reference, "--service", f"workflows={copied}", "--json")

    assert result.exit_code == 1
    assert wrong(result) == {(BUILDING_FILE, "size"), (BUILDING_FILE, "golden")}
    assert "colours at 680, but a building needs 1280" in result.stdout


def test_deriving_the_bundled_api_forms_changes_nothing(reference: Reference, copied: Path) -> None:
    options = ["--url", reference.url, "--service", f"workflows={copied}"]

    result = CliRunner().invoke(main, ["workflows", "derive", *options])

    assert result.exit_code == 0, result.output
    assert {line.rpartition(": ")[2] for line in result.stdout.splitlines()} == {"unchanged"}


def test_a_ui_form_edited_without_its_api_form_is_mended_by_deriving(
    reference: Reference, copied: Path
) -> None:
    kept = (copied / "api" / PERSON_FILE).read_bytes()
    stale = kept.replace(b'"person"', b'"older"')
    (copied / "api" / PERSON_FILE).write_bytes(stale)
    options = ["--url", reference.url, "--service", f"workflows={copied}"]

    result = CliRunner().invoke(main, ["workflows", "derive", *options])

    assert result.exit_code == 0, result.output
    assert (copied / "api" / PERSON_FILE).read_bytes() == kept


def test_workflows_for_another_node_are_written_as_a_directory_that_is_right(
    reference: Reference, tmp_path: Path
) -> None:
    node = {
        "class_type": "DDColor_Colorize",
        "size_input": "model_input_size",
        "model_input": "checkpoint",
        "person_size_px": "704",
    }
    options = ["--url", reference.url]
    for name, value in node.items():
        options += ["--service", f"node.{name}={value}"]
    to = tmp_path / "mine"

    derived = CliRunner().invoke(main, ["workflows", "derive", *options, "--to", str(to)])
    options += ["--service", f"workflows={to}"]
    verified = CliRunner().invoke(main, ["workflows", "verify", *options])

    assert derived.exit_code == 0, derived.output
    # 680 is rounded up to 704 by the bundled node: with the same network and no denoising, the
    # pack's node makes the other picture, which is what the goldens are there to tell
    lines = [line for line in verified.stdout.splitlines() if " golden: " not in line]
    assert len(lines) == len(CHECKS[:-1]) * 2 + 1
    assert all(line.endswith(": right") for line in lines)
    written = {path.relative_to(to).as_posix() for path in to.rglob("*.json")}
    source = fixtures() / "workflows"
    assert written == {path.relative_to(source).as_posix() for path in source.rglob("*.json")}
