"""What shows in a container alone, on a container that is only told of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import pytest

from colordrill.drill.container_probes import probe_container
from colordrill.drill.contract import Clause, Outcome
from colordrill.drill.examine_service import await_answer
from colordrill.drill.service_probes import Seen
from colordrill.drill.solitary import Solitary
from colordrill.scenario.service import ServiceSpec
from colordrill.stack.ownership import Owner
from fakes.clock import ManualClock
from fakes.service import Reply, as_json, scripted_service

ROOT = Owner(0, 0)
MODEL = "/comfyui/models/ddcolor/ddcolor_nano.safetensors"
SOUND = {
    "/comfyui/input/photo.png": ROOT,
    "/comfyui/output/sub/out_00001_.png": ROOT,
    "/comfyui/user/default/workflows/w.json": ROOT,
    MODEL: ROOT,
}


@dataclass
class Told:
    """A container as `Solitary` shows one."""

    files: dict[str, Owner] = field(default_factory=lambda: dict(SOUND))
    strays: dict[str, str] = field(default_factory=dict)
    image_files: dict[str, str] = field(default_factory=dict)
    ends_on_sigterm: bool = True
    address: str | None = None
    ended: int | None = None
    service: ServiceSpec = field(default_factory=ServiceSpec)
    started_ns: int = 0

    def url(self) -> str | None:
        return self.address

    def exit_code(self) -> int | None:
        return self.ended

    def log(self) -> str:
        return "its last words"

    def owner_of(self, path: str) -> Owner | None:
        return self.files.get(path)

    def stray(self, name: str) -> list[str]:
        return [path for path in self.strays if path.endswith(name)]

    def places(self, name: str) -> list[str]:
        return [path for path in self.image_files if path.endswith(name)]

    def terminate(self) -> None:
        self.ended = 143 if self.ends_on_sigterm else None


def probed(told: Told, *, agents: Owner = ROOT) -> dict[str, Clause]:
    seen = Seen(["photo.png"], [("sub", "out_00001_.png")], "w.json", 20_000_000_000)
    clauses = probe_container(cast("Solitary", told), seen, agents, 60.0, ManualClock())
    return {each.name: each for each in clauses}


def missing(found: dict[str, Clause]) -> set[str]:
    assert all(each.remedy for each in found.values() if each.outcome is Outcome.MISSING)
    return {name for name, each in found.items() if each.outcome is Outcome.MISSING}


def test_in_a_sound_container_everything_holds() -> None:
    found = probed(Told())

    assert {each.outcome for each in found.values()} == {Outcome.HOLDS}
    assert "20.0 s" in found["first picture"].detail


@pytest.mark.parametrize(
    ("folder", "path"),
    [
        ("input", "/comfyui/input/photo.png"),
        ("output", "/comfyui/output/sub/out_00001_.png"),
        ("workflows", "/comfyui/user/default/workflows/w.json"),
    ],
)
def test_a_volume_on_a_path_that_the_service_does_not_use_is_found(folder: str, path: str) -> None:
    told = Told(strays={f"/data/elsewhere/{path.rpartition('/')[2]}": ""})
    del told.files[path]

    found = probed(told)

    assert missing(found) == {f"volume {folder}"}
    assert f'service.mounts.{folder} = "/data/elsewhere"' in found[f"volume {folder}"].remedy


def test_weights_outside_the_models_volume_are_found_with_their_place() -> None:
    told = Told(image_files={"/opt/pack/checkpoints/ddcolor_nano.safetensors": ""})
    del told.files[MODEL]

    found = probed(told)

    assert missing(found) == {"checkpoint in a volume"}
    assert '"/opt/pack/checkpoints"' in found["checkpoint in a volume"].remedy


def test_files_of_another_user_than_the_agents_are_found() -> None:
    assert missing(probed(Told(), agents=Owner(1000, 1000))) == {"user"}


@pytest.mark.parametrize(("ends", "said"), [(True, "ends it"), (False, "ignored for 5 s")])
def test_what_sigterm_does_is_told(ends: object, said: str) -> None:
    assert said in probed(Told(ends_on_sigterm=bool(ends)))["SIGTERM"].detail


def test_a_service_that_wrote_nothing_is_unknown_there() -> None:
    told = cast("Solitary", Told())
    found = {each.name: each for each in probe_container(told, Seen(), ROOT, 60.0, ManualClock())}

    unknown = {name for name, each in found.items() if each.outcome is Outcome.UNKNOWN}
    assert unknown == {"volume input", "volume output", "volume workflows", "user", "first picture"}


def answer_of(told: Told) -> Clause:
    clock = ManualClock()
    clock.pause_at_least(30.0)
    return await_answer(cast("Solitary", told), clock)


def test_a_container_that_ends_is_missing_with_its_last_words() -> None:
    found = answer_of(Told(ended=1))

    assert found.outcome is Outcome.MISSING
    assert "exit code 1" in found.detail
    assert "its last words" in found.detail


def test_a_container_that_never_answers_is_missing_with_its_last_words() -> None:
    found = answer_of(Told(address="http://127.0.0.1:9"))

    assert found.outcome is Outcome.MISSING
    assert "its last words" in found.detail
    assert "--listen" in found.remedy


def test_a_container_that_answers_holds_and_another_page_does_not() -> None:
    with scripted_service(lambda _request: as_json({"system": {}})) as running:
        assert answer_of(Told(address=running.url)).outcome is Outcome.HOLDS
    with scripted_service(lambda _request: Reply(200, b"<html>")) as running:
        assert "not ComfyUI" in answer_of(Told(address=running.url)).detail
