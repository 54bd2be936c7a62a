"""Parts created anew: what compose is told, and what is said when it does not play along."""

from __future__ import annotations

import json
import shlex
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from colordrill.errors import EnvironmentProblem
from colordrill.stack.compose_project import (
    REMEMBERED,
    ComposeProject,
    overlay_text,
    remembered,
)
from colordrill.stack.parts import Part, SiteFolder
from colordrill.stack.target import PartChanges

PART = Part.DR_COLORIZATION
OUTPUT = {"type": "volume", "source": "dr-output", "target": "/comfyui/output", "volume": {}}
MODELS = {"type": "volume", "source": "dr-models", "target": "/comfyui/models", "read_only": True}
FOREIGN = {"type": "volume", "source": "primary-output", "target": "/primary"}
BOUND = {"type": "bind", "source": "/host/$$output", "target": "/bound"}
DESCRIBED: list[dict[str, Any]] = [OUTPUT, MODELS, FOREIGN, BOUND]


class Compose(yaml.SafeLoader):
    """Reads compose's files; a list that replaces is shown as such."""


Compose.add_constructor(
    "!override",
    lambda loader, node: (
        {"override": loader.construct_sequence(node, deep=True)}
        if isinstance(node, yaml.SequenceNode)
        else None
    ),
)


def overlay(changes: PartChanges) -> dict[str, Any]:
    read = yaml.load(overlay_text(PART, changes, DESCRIBED), Loader=Compose)  # noqa: S506 (a safe one with a tag)
    assert list(read) == ["services"]
    assert list(read["services"]) == [PART]
    service: dict[str, Any] = read["services"][PART]
    return service


@pytest.mark.parametrize("content", [None, "{", "[]", "[" * 200_000, '{"owner": 1, "files": 2}'])
def test_a_project_whose_memory_cannot_be_read_is_not_remembered(
    tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / REMEMBERED).write_text(content)

    assert remembered("colordrill-x", tmp_path) is None


def test_an_overlay_says_what_is_changed_and_nothing_else() -> None:
    assert overlay(PartChanges()) == {}
    assert overlay(PartChanges(image="stale:1")) == {"image": "stale:1"}
    assert overlay(PartChanges(restart="no")) == {"restart": "no"}
    assert overlay(PartChanges(entrypoint=("a", "b c"))) == {"entrypoint": ["a", "b c"]}
    assert overlay(PartChanges(environment={"A": ""})) == {"environment": {"A": ""}}


def test_nothing_in_changes_is_taken_for_a_variable_of_compose() -> None:
    changes = PartChanges(
        image="a$b",
        environment={"A": "${HOME}", "volumes": '"volumes": '},
        entrypoint=("$0",),
        mounts={SiteFolder.OUTPUT: "/$HOME"},
    )

    service = overlay(changes)

    assert service["image"] == "a$$b"
    assert service["environment"] == {"A": "$${HOME}", "volumes": '"volumes": '}
    assert service["entrypoint"] == ["$$0"]
    assert service["volumes"]["override"][0]["target"] == "/$$HOME"


def test_a_folder_mounted_elsewhere_is_no_longer_where_it_was() -> None:
    changes = PartChanges(mounts={SiteFolder.OUTPUT: "/unused"})

    replaced = overlay(changes)["volumes"]["override"]

    assert replaced == [OUTPUT | {"target": "/unused"}, MODELS, FOREIGN, BOUND]


def test_a_folder_mounted_read_only_is_where_it_was() -> None:
    replaced = overlay(PartChanges(read_only=("output", "models")))["volumes"]["override"]

    assert replaced == [OUTPUT | {"read_only": True}, MODELS, FOREIGN, BOUND]


@pytest.mark.parametrize("folder", ["config", "objects", "", "dr-output", "primary-output"])
def test_a_folder_that_the_part_does_not_mount_is_named_with_the_next_step(folder: str) -> None:
    for changes in (PartChanges(mounts={folder: "/x"}), PartChanges(read_only=(folder,))):
        with pytest.raises(EnvironmentProblem, match=f"{PART} does not mount {folder}") as caught:
            overlay(changes)
        assert caught.value.next_step


def project(tmp_path: Path, script: str) -> ComposeProject:
    """A project whose compose is a shell script that finds its arguments in "$@"."""
    command = shlex.join(["sh", "-c", script, "compose"])
    return ComposeProject(command, ("a.yaml", "b c.yaml"), "name", tmp_path)


def test_a_part_is_created_from_all_files_under_the_projects_name(tmp_path: Path) -> None:
    said = tmp_path / "said"

    project(tmp_path, f'printf "%s\\n" "$@" > {said}').create(Part.HOST)

    words = said.read_text().splitlines()
    assert words[:6] == ["--project-name", "name", "--file", "a.yaml", "--file", "b c.yaml"]
    assert words[-2:] == ["create", "host"]


@pytest.mark.parametrize(("start", "how"), [(True, "--detach"), (False, "--no-start")])
def test_a_part_is_created_anew_alone_and_without_a_registry(
    tmp_path: Path, start: object, how: str
) -> None:
    said = tmp_path / "said"

    project(tmp_path, f'printf "%s\\n" "$@" > {said}').recreate(PART, None, start=bool(start))

    words = said.read_text().splitlines()
    assert words.count("--file") == 2
    assert words[words.index("up") :] == [
        *("up", how, "--no-deps", "--force-recreate", "--pull", "never", PART)
    ]


def test_changes_lie_over_the_files_in_a_file_of_this_user_alone(tmp_path: Path) -> None:
    said = tmp_path / "said"
    described = json.dumps({"services": {PART: {"volumes": DESCRIBED}}})
    script = f"printf '%s\\n' \"$@\" > {said}; echo {shlex.quote(described)}"

    changes = PartChanges(environment={"S3_KEY": "expired"}, read_only=("output",))
    project(tmp_path, script).recreate(PART, changes, start=True)

    words = said.read_text().splitlines()
    (path,) = [Path(word) for word in words if word.startswith(str(tmp_path))]
    assert words.index(str(path)) > words.index("b c.yaml")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "expired" in path.read_text()


def test_what_compose_said_is_told_with_the_next_step(tmp_path: Path) -> None:
    script = "for i in $(seq 9); do echo line $i >&2; done; exit 14"

    with pytest.raises(EnvironmentProblem, match=r"create dr-colorization anew.*14") as caught:
        project(tmp_path, script).recreate(PART, None, start=True)

    assert "line 9" in caught.value.cause
    assert "line 3" not in caught.value.cause
    assert caught.value.next_step


@pytest.mark.parametrize("printed", ["", "nonsense", "[]", '{"services": {}}'])
def test_a_description_that_cannot_be_read_is_a_problem(tmp_path: Path, printed: str) -> None:
    with pytest.raises(EnvironmentProblem, match="description of dr-colorization"):
        project(tmp_path, f"echo {shlex.quote(printed)}").recreate(
            PART, PartChanges(read_only=("output",)), start=True
        )


def test_a_compose_that_cannot_be_run_is_a_problem(tmp_path: Path) -> None:
    absent = ComposeProject(str(tmp_path / "absent"), (), "name", tmp_path)

    with pytest.raises(EnvironmentProblem, match="did not end") as caught:
        absent.create(Part.HOST)

    assert "colordrill doctor" in caught.value.next_step
