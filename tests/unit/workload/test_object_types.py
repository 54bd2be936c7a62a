from __future__ import annotations

import pytest

from colordrill.errors import ExitCode, UsageProblem
from colordrill.scenario.service import ColorizeNode
from colordrill.workload.object_types import (
    BUILDING,
    OBJECT_TYPES,
    PERSON,
    UnsupportedObjectType,
    size_px,
)


def test_a_person_needs_680_and_a_building_1280() -> None:
    assert {each: size_px(each, ColorizeNode()) for each in OBJECT_TYPES} == {
        PERSON: 680,
        BUILDING: 1280,
    }


def test_the_sizes_are_those_of_the_configured_node() -> None:
    node = ColorizeNode(person_size_px=512, building_size_px=960)

    assert [size_px(each, node) for each in OBJECT_TYPES] == [512, 960]


@pytest.mark.parametrize("object_type", ["landscape", "", "Person", None, 680, ["person"]])
def test_any_other_object_type_is_a_value_error_that_names_those_there_are(
    object_type: object,
) -> None:
    with pytest.raises(ValueError, match="unsupported object type") as raised:
        size_px(object_type, ColorizeNode())  # type: ignore[arg-type] # as a file may say it

    problem = raised.value
    assert isinstance(problem, UnsupportedObjectType)
    assert isinstance(problem, UsageProblem)
    assert problem.exit_code is ExitCode.USAGE
    assert repr(object_type) in str(problem)
    assert "person, building" in str(problem)
