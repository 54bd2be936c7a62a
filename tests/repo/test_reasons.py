"""Every exception to a rule says why: lint rules that are off, tests that are skipped."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from repo.tree import ROOT, dotted, expect_none, lines_of, nodes_of, place, python_files, sample

PYPROJECT = ROOT / "pyproject.toml"
MAY_NOT_SKIP = ROOT / "ci/may_not_skip.txt"
SKIPPING = frozenset({"skip", "skipif", "xfail", "importorskip"})
RULE = re.compile(r'"[A-Z]{1,5}\d{3,4}"')
SUPPRESSION = re.compile(r"#\s*noqa\b(?P<rest>.*)$")
SUPPRESSION_FORM = re.compile(r"^: [A-Z]{1,5}\d{3,4}(, ?[A-Z]{1,5}\d{3,4})*\s*(\(|-|–)\s*\w+")


def rules_off_without_reason(path: Path) -> list[str]:
    """Lines below ``[tool.ruff`` that name a rule and have no comment."""
    found, inside = [], False
    for at, line in lines_of([path]):
        if line.startswith("["):
            inside = line.startswith("[tool.ruff")
        if inside and RULE.search(line) and not re.search(r"#\s*\w+", line):
            found.append(f"{at}: {line.strip()}")
    return found


def suppressions_without_reason(paths: Iterable[Path]) -> list[str]:
    """Suppressed lint rules in code that name no rule or give no reason."""
    found = []
    for at, line in lines_of(paths):
        suppression = SUPPRESSION.search(line)
        if suppression and not SUPPRESSION_FORM.match(suppression["rest"]):
            found.append(f"{at}: {line.strip()}")
    return found


def _reason(node: ast.Call | ast.Attribute) -> str:
    if isinstance(node, ast.Attribute):
        return ""
    name = dotted(node.func).rpartition(".")[2]
    given = {each.arg: each.value for each in node.keywords}
    value = given.get("reason") or given.get("msg")
    if value is None and name == "skip" and node.args:
        value = node.args[0]
    if isinstance(value, ast.Constant):
        return str(value.value or "").strip()
    return "" if value is None else ast.unparse(value)


def skips_without_reason(paths: Iterable[Path]) -> list[str]:
    found = []
    for path in paths:
        nodes = list(nodes_of(path))
        called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
        for node in nodes:
            skipping = node.func if isinstance(node, ast.Call) else node
            if not isinstance(skipping, ast.Attribute) or skipping.attr not in SKIPPING:
                continue
            if not dotted(skipping).startswith("pytest.") or id(node) in called:
                continue
            assert isinstance(node, ast.Call | ast.Attribute)
            if not _reason(node):
                found.append(f"{place(path, node.lineno)}: {dotted(skipping)} says no reason")
    return found


def unknown_tests(listing: Path, root: Path) -> list[str]:
    """Lines of the list of tests that may not skip (``path::name``) that name no test."""
    lines = [line.split("#")[0].strip() for line in listing.read_text("utf-8").splitlines()]
    named = [line for line in lines if line]
    found = [] if named else [f"{place(listing)} names no test"]
    for line in named:
        file, *names = line.split("[")[0].split("::")
        path = root / file
        if not path.exists():
            found.append(f"{line}: there is no {file}")
        elif names:
            defined = {
                node.name
                for node in nodes_of(path)
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            }
            found += [f"{line}: there is no {name}" for name in names if name not in defined]
    return found


def test_every_lint_rule_that_is_off_says_why() -> None:
    expect_none(rules_off_without_reason(PYPROJECT))


def test_every_suppression_in_code_says_why() -> None:
    files = [path for path in python_files() if path != Path(__file__)]
    expect_none(suppressions_without_reason(files))


def test_every_skip_says_why() -> None:
    expect_none(skips_without_reason(python_files("tests", "chaos", "conftest.py")))


def test_the_tests_that_may_not_skip_exist() -> None:
    assert MAY_NOT_SKIP.is_file()
    expect_none(unknown_tests(MAY_NOT_SKIP, ROOT))


def test_a_rule_that_is_off_without_reason_is_found(tmp_path: Path) -> None:
    text = (
        '[a]\nx = ["D203"]\n[tool.ruff.lint]\nignore = [\n  "D203",\n  "D213", # contradicts\n]\n'
    )
    found = rules_off_without_reason(sample(tmp_path, "pyproject.toml", text))
    assert [each.rpartition(":")[2].strip() for each in found] == ['"D203",']


@pytest.mark.parametrize("comment", ["# noqa", "# noqa: S101", "# noqa: BLE001,S101", "#noqa : x"])
def test_a_suppression_without_reason_is_found(comment: str, tmp_path: Path) -> None:
    assert suppressions_without_reason([sample(tmp_path, "a.py", f"x = 1  {comment}\n")])


@pytest.mark.parametrize("comment", ["# noqa: S101 (both exist)", "# noqa: S101, D1234 - why"])
def test_a_suppression_with_reason_is_fine(comment: str, tmp_path: Path) -> None:
    expect_none(suppressions_without_reason([sample(tmp_path, "a.py", f"x = 1  {comment}\n")]))


@pytest.mark.parametrize(
    "code",
    [
        "pytest.skip()",
        "pytest.skip('')",
        "@pytest.mark.skip\ndef f(): ...",
        "@pytest.mark.skipif(True)\ndef f(): ...",
        "@pytest.mark.xfail(strict=True)\ndef f(): ...",
        "pytest.importorskip('torch')",
    ],
)
def test_a_skip_without_reason_is_found(code: str, tmp_path: Path) -> None:
    assert len(skips_without_reason([sample(tmp_path, "a.py", code)])) == 1


@pytest.mark.parametrize(
    "code",
    [
        "pytest.skip('no GPU')",
        "pytest.skip(f'no {x}')",
        "pytest.mark.skipif(x, reason='no GPU')",
        "pytest.importorskip('torch', reason='torch')",
        "stack.skip()",
    ],
)
def test_a_skip_with_reason_is_fine(code: str, tmp_path: Path) -> None:
    expect_none(skips_without_reason([sample(tmp_path, "a.py", code)]))


def test_a_listed_test_that_is_gone_is_found(tmp_path: Path) -> None:
    sample(tmp_path, "tests/test_a.py", "class TestA:\n    def test_b(self): ...\n")
    text = (
        "# these may not skip\ntests/test_a.py::TestA::test_b[x]\ntests/test_a.py\n"
        "tests/test_a.py::test_c\ntests/test_d.py::test_e\n"
    )
    assert len(unknown_tests(sample(tmp_path, "list.txt", text), tmp_path)) == 2
    assert unknown_tests(sample(tmp_path, "empty.txt", "# nothing\n"), tmp_path)
