"""Pages are true: their links lead somewhere, their commands exist, their tables are complete."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

import click
import pytest

from colordrill.cli import main
from colordrill.scenario.catalogue import SCENARIOS, find_scenario, red_twins
from colordrill.scenario.model import Objectives, Pace
from colordrill.scenario.service_values import KEYS, layouts
from colordrill.scenario.settings import Settings
from colordrill.verify.readiness import RULES
from repo.pages import anchors, code, links, messages
from repo.tree import (
    CODE,
    ROOT,
    expect_none,
    files_under,
    markdown_files,
    place,
    python_files,
    repository_files,
    sample,
)

ELSEWHERE = re.compile(r"^[a-z][a-z+.-]*:")
TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)
MAKE = re.compile(r"(?:^|[\s(;&|])make((?: +[a-z][a-z-]*)+)")
COMMAND = re.compile(r"(?:^|[\s(;&|/])colordrill ([^|;&>#)]+)")
SHELL_LIKE = (".md", ".yml", ".yaml", ".sh")


def broken_links(paths: Iterable[Path], files: Iterable[Path]) -> list[str]:
    """Relative links to nothing, or to what the repository does not hold."""
    known = {path.resolve() for path in files}
    known |= {folder for path in known for folder in path.parents}
    found = []
    for path in paths:
        for link in links(path.read_text(encoding="utf-8")):
            if ELSEWHERE.match(link):
                continue
            name, _, anchor = link.partition("#")
            target = (path.parent / name).resolve() if name else path.resolve()
            if target not in known:
                found.append(f"{place(path)}: {link} leads nowhere")
            elif anchor and target.suffix == ".md":
                text = target.read_text(encoding="utf-8")
                if anchor not in anchors(text):
                    found.append(f"{place(path)}: {link} names no heading")
    return found


def unknown_targets(lines: Iterable[str], makefile: str) -> list[str]:
    """``make X`` where the Makefile has no X."""
    targets = set(TARGET.findall(makefile))
    named = {word for line in lines for words in MAKE.findall(line) for word in words.split()}
    return sorted(named - targets)


def wrong_commands(lines: Iterable[str]) -> list[str]:
    """``colordrill X`` where there is no command, option or scenario of that name."""
    found = []
    for line in lines:
        for text in COMMAND.findall(line):
            problem = _problem_of(text)
            if problem:
                found.append(f"colordrill {text.strip()}: {problem}")
    return found


def _problem_of(text: str) -> str | None:
    try:
        words = shlex.split(text.replace("…", "").replace("[", " ").replace("]", " "))
    except ValueError as error:
        return str(error)
    command: click.Command = main
    while words and isinstance(command, click.Group) and not words[0].startswith("-"):
        name = words.pop(0)
        if name.isupper() or not name.strip("."):
            return None
        if name not in command.commands:
            return f"there is no command {name}"
        command = command.commands[name]
    named = (flag for each in command.params for flag in (*each.opts, *each.secondary_opts))
    known = {*named, "-h", "--help"}
    flags = [word.split("=")[0] for word in words if word.startswith("-")]
    unknown = [flag for flag in flags if flag not in known and flag != "--version"]
    if unknown:
        return f"there is no option {', '.join(unknown)}"
    return _problem_of_scenarios(words) if command.name == "run" else None


def _problem_of_scenarios(words: list[str]) -> str | None:
    for word, before in zip(words, ["", *words], strict=False):
        if re.fullmatch(r"[a-z][a-z_]+(@[a-z_]+)?", word) and not before.startswith("-"):
            try:
                find_scenario(word)
            except click.ClickException:
                raise
            except Exception as error:  # noqa: BLE001 (the message says what is wrong)
                return str(error)
    return None


def missing_words(text: str, wanted: Iterable[str]) -> list[str]:
    """What a reference page should explain, as inline code, and does not."""
    said = "\n".join(code(text))
    return sorted(word for word in wanted if not re.search(rf"(?<!\w){re.escape(word)}\b", said))


def _option_names() -> set[str]:
    names: set[str] = set()
    commands: list[click.Command] = [main]
    while commands:
        command = commands.pop()
        names |= {flag for each in command.params for flag in each.opts if flag.startswith("--")}
        commands += command.commands.values() if isinstance(command, click.Group) else []
    return names


def test_every_relative_link_leads_somewhere() -> None:
    expect_none(broken_links(markdown_files(), repository_files()))


def test_every_make_target_that_is_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    lines = [line for path in markdown_files() for line in code(path.read_text(encoding="utf-8"))]
    expect_none(unknown_targets(lines, makefile))


def test_every_command_on_a_page_exists() -> None:
    lines = [line for path in markdown_files() for line in code(path.read_text(encoding="utf-8"))]
    expect_none(wrong_commands(lines))


def test_every_command_in_a_message_exists() -> None:
    modules = python_files(CODE)
    expect_none(wrong_commands(line for path in modules for line in messages(path)))


def test_every_command_in_the_makefile_and_in_ci_exists() -> None:
    texts = [(ROOT / "Makefile").read_text(encoding="utf-8").replace("$(RUN_OPTIONS)", "")]
    texts += [path.read_text(encoding="utf-8") for path in files_under("ci", suffix=".yml")]
    expect_none(wrong_commands(line for text in texts for line in text.splitlines()))


REFERENCE = {
    "cli.md": lambda: {*main.commands, *_option_names()},
    "configuration.md": lambda: {
        *({field.name for field in fields(Settings)} - {"overrides", "service_values"}),
        *KEYS,
        *layouts(),
    },
    "readiness.md": lambda: set(RULES),
    "scenarios.md": lambda: {
        *(field.name for owner in (Pace, Objectives) for field in fields(owner)),
        *SCENARIOS,
        *(each.sabotage.name for each in red_twins().values() if each.sabotage),
    },
}


@pytest.mark.parametrize("page", sorted(REFERENCE))
def test_a_reference_page_is_complete(page: str) -> None:
    text = (ROOT / "docs/reference" / page).read_text(encoding="utf-8")
    expect_none(missing_words(text, REFERENCE[page]()))


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    other = sample(tmp_path, "docs/b.md", "# One heading\n```\n# no heading\n```\n")
    good = "[b](docs/b.md#one-heading) [c](docs/) [d](https://x.y/z) `[e](f.md)`"
    page = sample(tmp_path, "a.md", good.replace("`", "").replace("[e](f.md)", ""))
    expect_none(broken_links([page], [page, other]))
    for bad in ("[b](b.md)", "![b](docs/b.png)", "[b](docs/b.md#no-heading)", "[b](#none)"):
        page = sample(tmp_path, "a.md", bad)
        assert broken_links([page], [page, other]), bad


def test_a_link_to_an_ignored_file_is_found(tmp_path: Path) -> None:
    page = sample(tmp_path, "a.md", "[b](b.md)")
    sample(tmp_path, "b.md", "")
    assert broken_links([page], [page])


def test_a_missing_target_is_found() -> None:
    makefile = "help: x\n\tmake\nred-twins:\n"
    expect_none(unknown_targets(["make help", "then make red-twins && make  help"], makefile))
    assert unknown_targets(["make drill", "cd x; make helping"], makefile) == ["drill", "helping"]


@pytest.mark.parametrize(
    "line",
    [
        "colordrill nothing",
        "colordrill golden nothing",
        "colordrill run no_such_scenario",
        "$ .venv/bin/colordrill run host_power_loss --nothing",
        "x && colordrill list --jsn | jq",
    ],
)
def test_a_wrong_command_is_found(line: str) -> None:
    assert len(wrong_commands([line])) == 1


@pytest.mark.parametrize(
    "line",
    [
        "colordrill run host_power_loss --seed 3 --json | jq .verdict",
        "colordrill run SCENARIO… [--profile gate|nightly]",
        "colordrill golden capture --force",
        "colordrill replay runs/latest",
        "pip install colordrill",
        "colordrill --help",
        "from colordrill.history import Event",
    ],
)
def test_a_right_command_is_fine(line: str) -> None:
    expect_none(wrong_commands([line]))


def test_a_missing_word_is_found() -> None:
    text = "`pace.rto_s` and `--json`; plain seed"
    assert missing_words(text, ["rto_s", "--json", "seed", "rto"]) == ["rto", "seed"]
