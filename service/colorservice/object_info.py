"""``/object_info``: what the nodes accept and return. Answers while torch is being imported."""

import logging
from typing import Any

from aiohttp import web

from colorservice.node_specs import NODE_SPECS, InputSpec, NodeSpec
from colorservice.settings import Settings
from colorservice.state import SERVICE

_LOG = logging.getLogger(__name__)


def _describe_input(spec: InputSpec) -> list[Any]:
    return [spec.kind, spec.options] if spec.options else [spec.kind]


def describe(spec: NodeSpec, settings: Settings) -> dict[str, Any]:
    """Return a node's entry in ``/object_info``, as of now.

    Raises:
        OSError: a folder that an input lists cannot be read.
    """
    required = spec.inputs(settings)
    inputs: dict[str, Any] = {
        "required": {name: _describe_input(wanted) for name, wanted in required.items()}
    }
    if spec.hidden:
        inputs["hidden"] = dict(spec.hidden)
    return {
        "input": inputs,
        "input_order": {group: list(members) for group, members in inputs.items()},
        "output": list(spec.return_types),
        "output_is_list": [False] * len(spec.outputs),
        "output_name": [name for _kind, name in spec.outputs],
        "name": spec.class_type,
        "display_name": spec.display_name,
        "description": spec.description,
        "python_module": spec.python_module,
        "category": spec.category,
        "output_node": spec.output_node,
    }


async def object_info(request: web.Request) -> web.Response:
    """Describe every node; one whose folders cannot be read is left out."""
    settings = request.app[SERVICE].settings
    entries: dict[str, Any] = {}
    for class_type, spec in NODE_SPECS.items():
        try:
            entries[class_type] = describe(spec, settings)
        except OSError as error:
            _LOG.warning("the inputs of %s cannot be listed: %s", class_type, error)
    return web.json_response(entries)


async def object_info_of(request: web.Request) -> web.Response:
    """Describe one node; ``{}`` with 200 for an unknown one.

    Raises:
        OSError: a folder that an input lists cannot be read; answered 500.
    """
    class_type = request.match_info["class_type"]
    spec = NODE_SPECS.get(class_type)
    if spec is None:
        return web.json_response({})
    return web.json_response({class_type: describe(spec, request.app[SERVICE].settings)})


ROUTES = [
    web.get("/object_info", object_info),
    web.get("/object_info/{class_type}", object_info_of),
]
