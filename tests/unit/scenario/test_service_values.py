"""What a user says of the service: one meaning, wherever it is said."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from colordrill.cli import run
from colordrill.errors import UnknownName, UsageProblem
from colordrill.scenario.catalogue import red_twins
from colordrill.scenario.service import ServiceSpec
from colordrill.scenario.service_values import KEYS, build_service, from_table, layouts
from colordrill.scenario.settings import (
    CONFIG_FILE,
    Settings,
    load_settings,
    settings_of,
)

ROOT = Path(__file__).parents[3]


def configured(directory: Path, text: str) -> Path:
    (directory / CONFIG_FILE).write_text(text, encoding="utf-8")
    return directory


def test_without_a_word_it_is_the_bundled_service() -> None:
    assert build_service({}, None) == ServiceSpec()


def test_the_bundled_services_node_is_the_one_that_its_workflows_have() -> None:
    manifest = json.loads((ROOT / "fixtures/workflows/MANIFEST.json").read_text(encoding="utf-8"))
    node = ServiceSpec().node

    assert manifest["node"] == {name: getattr(node, name) for name in node.__slots__}


def test_one_line_describes_a_usual_comfyui_image(tmp_path: Path) -> None:
    text = 'image = "mine:1"\nservice.layout = "comfyui"\n'

    service = load_settings({}, configured(tmp_path, text)).service

    assert service.image == "mine:1"
    assert service.mounts.output == "/opt/ComfyUI/output"
    assert service.mounts.models.endswith("/custom_nodes/ComfyUI-DDColor/checkpoints")
    assert service.node.class_type == "DDColor_Colorize"
    assert service.node.person_size_px % 32 == service.node.building_size_px % 32 == 0
    assert service.checkpoint_file == "image"
    assert service.goldens == Path("colordrill-goldens")


def test_another_base_moves_all_paths_and_single_ones_are_overridden() -> None:
    said = {"layout": "comfyui", "base": "/app/ComfyUI/", "mounts.input": "/data/in"}

    mounts = build_service(said, "mine:1").mounts

    assert (mounts.input, mounts.output) == ("/data/in", "/app/ComfyUI/output")


@pytest.mark.parametrize("name", list(layouts()))
def test_every_layout_is_a_service(name: str) -> None:
    assert build_service({"layout": name}, "mine:1").layout == name


def test_the_environment_wins_over_the_file_and_options_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(
        tmp_path,
        '[service]\nport = 1\nuser = "1:1"\ncommand = ["a", "b c"]\n'
        "[service.node]\nperson_size_px = 1\n[service.environment]\nTOKEN_COUNT = 5\n",
    )
    monkeypatch.setenv("COLORDRILL_SERVICE_PORT", "2")
    monkeypatch.setenv("COLORDRILL_SERVICE_USER", "2:2")
    monkeypatch.setenv("COLORDRILL_SERVICE_NODE_PERSON_SIZE_PX", "2")
    monkeypatch.setenv("COLORDRILL_SERVICE_ENVIRONMENT_EXTRA", "x=y")

    options = {"service_values": {"port": "3"}}
    service = load_settings(options, tmp_path).service

    assert (service.port, service.user, service.node.person_size_px) == (3, "2:2", 2)
    assert service.command == ("a", "b c")
    assert service.environment == {"TOKEN_COUNT": "5", "EXTRA": "x=y"}


def test_a_path_of_the_file_is_meant_from_where_the_file_lies(tmp_path: Path) -> None:
    text = '[service]\ngoldens = "ours"\ncheckpoint_file = "w.pth"\nworkflows = "/abs"\n'

    service = load_settings({}, configured(tmp_path, text)).service

    assert service.goldens == tmp_path / "ours"
    assert service.checkpoint_file == tmp_path / "w.pth"
    assert service.workflows == Path("/abs")


def test_a_recorded_command_means_the_same_service_whatever_is_configured_today(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (
        'image = "mine:1"\n[service]\nlayout = "comfyui"\ncommand = "python main.py \'a b\'"\n'
        'environment.HINT = "a=b $c"\nnode.building_size_px = 512\n[objectives]\nrto_s = 90\n'
    )
    then = load_settings({"seed": 7}, configured(tmp_path, text))
    monkeypatch.setenv("COLORDRILL_SERVICE_PORT", "1")
    words = shlex.split(shlex.join(["host_power_loss", *then.words()]))
    options = dict(run.make_context("run", words).params)
    del options["scenarios"], options["every"], options["as_json"]

    assert settings_of(options) == then


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"port": "0"}, "port"),
        ({"port": "65536"}, "port"),
        ({"port": "٣"}, "port"),
        ({"port": "8" * 5000}, "port"),
        ({"user": "comfyui"}, "user"),
        ({"user": "-1"}, "user"),
        ({"user": ""}, "user"),
        ({"command": "python 'main.py"}, "command"),
        ({"mounts.input": "input"}, "mounts.input"),
        ({"mounts.input": "/"}, "mounts.input"),
        ({"mounts.input": "/a/../b"}, "mounts.input"),
        ({"mounts.input": "/a:ro"}, "mounts.input"),
        ({"mounts.input": "/a${B}"}, "mounts.input"),
        ({"mounts.input": "/comfyui/output"}, "mounts"),
        ({"mounts.models": "/comfyui"}, "mounts"),
        ({"base": "relative", "layout": "comfyui"}, "base"),
        ({"node.class_type": " "}, "class_type"),
        ({"node.class_type": "a\nb"}, "class_type"),
        ({"node.size_input": "image"}, "inputs"),
        ({"node.person_size_px": "680.5"}, "person_size_px"),
        ({"node.person_size_px": "-1"}, "person_size_px"),
        ({"checkpoint_path": "../x"}, "checkpoint_path"),
        ({"checkpoint_path": "/x"}, "checkpoint_path"),
        ({"checkpoint_path": ""}, "checkpoint_path"),
        ({"checkpoint_file": ""}, "path"),
        ({"goldens": "a\x00b"}, "path"),
        ({"environment.A": "a\nb"}, "environment.A"),
        ({"environment.": "x"}, "variable"),
        ({"environment.1A": "x"}, "variable"),
        ({"image": "mine:1"}, "image"),
    ],
)
def test_what_cannot_be_is_a_usage_problem_that_names_it(said: dict[str, str], named: str) -> None:
    with pytest.raises(UsageProblem, match=named):
        build_service(said, "mine:1")


@pytest.mark.parametrize(("key", "nearest"), [("prot", "port"), ("node.class", "node.class_type")])
def test_an_unknown_key_is_answered_by_the_nearest(key: str, nearest: str) -> None:
    with pytest.raises(UnknownName) as caught:
        build_service({key: "x"}, None)

    assert caught.value.nearest == nearest


def test_an_unknown_layout_is_answered_by_the_nearest() -> None:
    with pytest.raises(UnknownName) as caught:
        build_service({"layout": "comfyu"}, None)

    assert caught.value.nearest == "comfyui"


@pytest.mark.parametrize(
    "table", [5, "comfyui", ["a"], {"mounts": 1}, {"port": 1.5}, {"port": True}, {"command": [1]}]
)
def test_a_table_of_another_shape_is_a_usage_problem(table: object) -> None:
    with pytest.raises(UsageProblem):
        from_table(table, CONFIG_FILE)


@pytest.mark.parametrize("text", ["service = 5", "service_values = 1", "[service]\nprot = 1"])
def test_a_file_with_a_wrong_service_is_a_usage_problem(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageProblem):
        load_settings({}, configured(tmp_path, text))


def test_every_key_can_be_said_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in KEYS:
        name = f"COLORDRILL_SERVICE_{key.replace('.', '_').upper()}"
        monkeypatch.setenv(name, "x")

    with pytest.raises(UnknownName, match="layout"):
        load_settings({}, Path())


TWINS = red_twins().values()
FOREIGN = {each.name for each in TWINS if each.sabotage and not each.sabotage.bundled_only}


def test_which_red_twins_any_image_can_play() -> None:
    assert {name.partition("@")[2] for name in FOREIGN} == {
        "only_oldest_point",
        "only_oldest_copy",
        "only_oldest_manifest",
        "only_oldest_for_good",
        "gateway_not_switched",
        "worker_dies",
        "restart_policy_off",
        "points_sealed",
        "mirror_stuck",
    }


@pytest.mark.parametrize("name", sorted(red_twins().keys() - FOREIGN))
def test_a_red_twin_of_the_bundled_service_is_refused_on_another_image(name: str) -> None:
    twin = red_twins()[name]

    with pytest.raises(UsageProblem, match="bundled service"):
        Settings(image="mine:1").apply(twin)
    assert Settings().apply(twin) == twin


@pytest.mark.parametrize("name", sorted(FOREIGN))
def test_sabotages_that_no_image_is_too_foreign_for_are_not_refused(name: str) -> None:
    twin = red_twins()[name]

    assert Settings(image="mine:1").apply(twin) == twin
