from __future__ import annotations

import shlex
import stat
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from colordrill.errors import EnvironmentProblem
from colordrill.stack import compose
from colordrill.stack.compose import (
    IMAGE_NAMES,
    StackPlan,
    compose_command,
    compose_files,
    running_stack,
)
from colordrill.stack.compose_project import ComposeProject
from colordrill.stack.parts import Part
from colordrill.stack.runs import Run, owned_run

SECRET = ("PASSWORD", "_KEY")
IMAGES = {name: f"colordrill/{name}:tag" for name in IMAGE_NAMES}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "with space"))
    with owned_run() as run:
        yield run


def environment(run: Run) -> dict[str, str]:
    lines = (run.directory / "stack.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_the_bundled_file_comes_first_and_overlays_after_it_in_order(run: Run) -> None:
    first, second = Path("a.yaml"), Path("b.yaml")

    files = compose_files(run, StackPlan(IMAGES, overlays=(first, second)))

    assert files[0].endswith("fixtures/stack/compose.yaml")
    assert files[1] == str(run.directory / "service.json")
    assert files[2:] == ["a.yaml", "b.yaml"]


def test_a_gpu_is_asked_for_only_where_the_device_is_one(run: Run) -> None:
    assert len(compose_files(run, StackPlan(IMAGES, device="cpu"))) == 2

    files = compose_files(run, StackPlan(IMAGES, device="cuda"))

    assert len(files) == 3
    assert Path(files[1]).is_file()


def test_every_variable_that_the_compose_file_demands_is_given(run: Run) -> None:
    plan = StackPlan(IMAGES)
    compose_command(run, plan)
    text = Path(compose_files(run, plan)[0]).read_text(encoding="utf-8")
    demanded = {part.split(":?")[0] for part in text.split("${")[1:] if ":?}" in part[:60]}

    given = environment(run)

    assert demanded
    assert demanded <= set(given)


def test_who_takes_over_one_sites_storage_does_not_administer_the_others(run: Run) -> None:
    text = Path(compose_files(run, StackPlan(IMAGES))[0]).read_text(encoding="utf-8")
    services = yaml.safe_load(text)["services"]

    primary, dr = (services[f"{site}-storage"]["environment"] for site in ("primary", "dr"))

    for variable in ("MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"):
        assert primary[variable] != dr[variable]
    assert dr["MINIO_ROOT_PASSWORD"] not in services["primary-mirror"]["environment"].values()


def test_secrets_lie_in_a_file_of_this_user_alone_and_not_in_the_command(run: Run) -> None:
    command = compose_command(run, StackPlan(IMAGES))

    path = run.directory / "stack.env"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    secrets = [value for key, value in environment(run).items() if key.endswith(SECRET)]
    assert len(secrets) == len(set(secrets)) == 10
    assert not any(secret in command for secret in secrets)
    assert shlex.split(command)[-4:] == ["docker", "compose", "--env-file", str(path)]


def test_compose_is_bounded_and_out_of_reach_of_a_terminals_ctrl_c(run: Run) -> None:
    """`timeout` leads a process group of its own."""
    command = compose_command(run, StackPlan(IMAGES))

    assert shlex.split(command)[:2] == ["timeout", "--kill-after=5"]


def test_the_shells_own_variables_do_not_reach_compose(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compose lets the shell beat its file: DEVICE would be one in the record, another in fact."""
    monkeypatch.setenv("COLORDRILL_DEVICE", "cuda")
    monkeypatch.setenv("COLORDRILL_RUN", "somebody")

    command = shlex.split(compose_command(run, StackPlan(IMAGES)))

    assert {"--unset=COLORDRILL_DEVICE", "--unset=COLORDRILL_RUN"} <= set(command)


def test_credentials_are_drawn_for_each_run(run: Run) -> None:
    compose_command(run, StackPlan(IMAGES))
    first = environment(run)
    compose_command(run, StackPlan(IMAGES))
    second = environment(run)

    drawn = {key for key in first if key.endswith((*SECRET, "_USER"))}
    assert {key for key in first if first[key] != second[key]} == drawn


def test_the_plan_reaches_the_environment_and_can_add_to_it(run: Run) -> None:
    extra = {"COLORDRILL_MODEL_SIZE": "512"}
    compose_command(run, StackPlan(IMAGES, device="cuda", extra_environment=extra))

    given = environment(run)
    assert given["COLORDRILL_DEVICE"] == "cuda"
    assert given["COLORDRILL_MODEL_SIZE"] == "512"
    assert given["COLORDRILL_IMAGE_SERVICE"] == IMAGES["service"]
    assert given["COLORDRILL_RUN"] == run.id


class SilentTarget:
    """A target that nothing is asked of."""

    def __init__(self, _project: str, _owner: object, _compose: object) -> None:
        """Connect to nothing."""
        self.helper = SimpleNamespace(refusal="")

    def close(self) -> None:
        """Nothing to close."""


@pytest.mark.parametrize("keep", [False, True])
def test_a_stack_that_does_not_come_up_is_removed_and_says_what_compose_said(
    run: Run, monkeypatch: pytest.MonkeyPatch, keep: object
) -> None:
    removed: list[str] = []

    def fail(*_: object) -> None:
        raise Exception("port is already allocated")  # noqa: TRY002 (as pytest-docker raises it)

    monkeypatch.setattr(compose, "DockerTarget", SilentTarget)
    monkeypatch.setattr(compose, "get_docker_services", fail)
    monkeypatch.setattr(compose, "remove_run", removed.append)
    said: list[str] = []

    with (
        pytest.raises(EnvironmentProblem, match="port is already allocated") as caught,
        running_stack(run, StackPlan(IMAGES, keep=bool(keep)), said.append),
    ):
        pass

    assert "colordrill doctor" in caught.value.next_step
    assert removed == ([] if keep else [run.id])


def test_a_stack_stands_without_the_helper_where_the_engine_refuses_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    created: list[Part] = []

    def refuse(_project: object, part: Part) -> None:
        created.append(part)
        raise EnvironmentProblem("privileged mode is incompatible with user namespaces")

    monkeypatch.setattr(compose, "DockerTarget", SilentTarget)
    monkeypatch.setattr(compose, "get_docker_services", lambda *_: nullcontext())
    monkeypatch.setattr(compose, "remove_run", lambda _run: None)
    monkeypatch.setattr(ComposeProject, "create", refuse)

    with running_stack(run, StackPlan(IMAGES), lambda _text: None) as target:
        assert "user namespaces" in target.helper.refusal

    assert created == [Part.HOST]


def test_the_stack_knows_by_what_it_was_brought_up(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part created anew with other credentials than its neighbours could not talk to them."""
    used: list[object] = []

    class Knowing(SilentTarget):
        def __init__(self, project: str, owner: object, compose: object) -> None:
            super().__init__(project, owner, compose)
            used.append(compose)

    def bring_up(command: str, files: list[str], name: str, *_: object) -> object:
        used.append(ComposeProject(command, tuple(files), name, run.directory))
        used.append((run.directory / "stack.env").read_text())
        return nullcontext()

    monkeypatch.setattr(compose, "DockerTarget", Knowing)
    monkeypatch.setattr(compose, "get_docker_services", bring_up)
    monkeypatch.setattr(compose, "remove_run", lambda _run: None)
    monkeypatch.setattr(ComposeProject, "create", lambda *_: None)

    with running_stack(run, StackPlan(IMAGES), lambda _text: None):
        assert used[0] == used[1]
        assert used[2] == (run.directory / "stack.env").read_text()
