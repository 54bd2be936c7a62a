"""What photos show, and the network's size that each kind of thing needs."""

from __future__ import annotations

from colordrill.errors import UsageProblem
from colordrill.scenario.service import ColorizeNode

PERSON = "person"
BUILDING = "building"
OBJECT_TYPES = (PERSON, BUILDING)


class UnsupportedObjectType(UsageProblem, ValueError):
    """An object type that no workflow is for; names the types that there are."""

    def __init__(self, object_type: object) -> None:
        super().__init__(
            f"unsupported object type {object_type!r}", f"object types: {', '.join(OBJECT_TYPES)}"
        )


def size_px(object_type: str, node: ColorizeNode) -> int:
    """The size in pixels at which *node* has to colour an *object_type*.

    Raises:
        UnsupportedObjectType: it is none of `OBJECT_TYPES`; also a ValueError.
    """
    sizes = {PERSON: node.person_size_px, BUILDING: node.building_size_px}
    try:
        return sizes[object_type]
    except (KeyError, TypeError) as error:
        raise UnsupportedObjectType(object_type) from error
