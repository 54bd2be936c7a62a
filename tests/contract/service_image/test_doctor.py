"""The examination of an image, on real containers: the bundled one holds, defects are found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from colordrill.drill.contract import Clause, Outcome
from colordrill.drill.examine_service import CONTAINER_CLAUSES, examine_image
from colordrill.scenario.settings import Settings
from colordrill.stack.ownership import Owner, owner_of_image
from colordrill.stack.runs import RUN_LABEL, Run

pytestmark = pytest.mark.docker


def examined(image: str, values: dict[str, str]) -> dict[str, Clause]:
    settings = Settings(image=image, service_values=values)
    return {each.name: each for each in examine_image(settings, print)}


def missing(found: dict[str, Clause]) -> set[str]:
    return {name for name, each in found.items() if each.outcome is Outcome.MISSING}


def test_the_bundled_image_keeps_the_whole_contract(
    image_of: Callable[[str], str], engine: Any
) -> None:
    found = examined(image_of("service"), {"environment.NOTE": "$HOME"})

    assert {each.outcome for each in found.values()} == {Outcome.HOLDS}, found
    assert set(CONTAINER_CLAUSES) < set(found)
    assert engine.containers.list(all=True, filters={"name": "-alone", "label": RUN_LABEL}) == []


def test_a_volume_on_a_path_that_the_service_does_not_use_is_found_with_the_right_path(
    image_of: Callable[[str], str],
) -> None:
    found = examined(image_of("service"), {"mounts.output": "/comfyui/not-the-output"})

    assert missing(found) == {"volume output"}
    assert 'service.mounts.output = "/comfyui/output"' in found["volume output"].remedy


def test_weights_that_are_nowhere_are_found(image_of: Callable[[str], str]) -> None:
    found = examined(image_of("service"), {"checkpoint_file": "image"})

    # no picture is made without them: there is no output to look for
    assert {"checkpoint in a volume", "checkpoint offered", "job person"} <= missing(found)
    assert found["volume output"].outcome is Outcome.UNKNOWN


def test_the_user_of_an_image_is_found_by_its_name(
    image_of: Callable[[str], str], run: Run
) -> None:
    labels = {RUN_LABEL: run.id}

    assert owner_of_image(image_of("service"), None, labels) == Owner(1000, 1000)
    assert owner_of_image(image_of("gateway"), None, labels).uid not in {0, 1000}
    assert owner_of_image(image_of("gateway"), "12", labels).uid == 12
