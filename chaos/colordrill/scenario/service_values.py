"""What a user says of the service under drill, as texts by key; makes a ServiceSpec of them.

Every source (file, environment, option, recorded command) is first brought to the same form, so
that a value means the same wherever it comes from, and a record's command can repeat it.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from colordrill.data import fixtures
from colordrill.errors import UnknownName, UsageProblem
from colordrill.scenario.service import ColorizeNode, Mounts, ServiceSpec

LAYOUTS_FILE = "layouts.toml"
REFERENCE = "reference"
ENVIRONMENT = "environment."
KEYS = (
    "layout",
    "base",
    "entrypoint",
    "command",
    "port",
    "user",
    "checkpoint_file",
    "checkpoint_path",
    "goldens",
    "workflows",
    "mounts.input",
    "mounts.output",
    "mounts.workflows",
    "mounts.models",
    "node.class_type",
    "node.image_input",
    "node.size_input",
    "node.model_input",
    "node.checkpoint",
    "node.person_size_px",
    "node.building_size_px",
)
"""What can be said of a service, besides ``environment.NAME``."""

_TABLES = ("mounts", "node", "environment")
_LISTS = ("entrypoint", "command")
_USER = re.compile(r"\d{1,10}(:\d{1,10})?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CONTAINER_PATH = re.compile(r"/[^:,$\s\x00]+")

Values = Mapping[str, str]


def from_table(table: object, source: str) -> dict[str, str]:
    """The values of a file's table ``[service]``, flat.

    Raises:
        UsageProblem: it is no table, a key is unknown, or a value is of a type that no key has.
    """
    if not isinstance(table, dict):
        raise UsageProblem(f"{source}: service = {table!r} is not a table", settable())
    flat = {}
    for key, value in table.items():
        if key in _TABLES:
            if not isinstance(value, dict):
                raise UsageProblem(f"{source}: service.{key} = {value!r} is not a table")
            flat.update({f"{key}.{name}": each for name, each in value.items()})
        else:
            flat[key] = value
    for key in flat:
        _refuse_unknown(key, f"[service] in {source}")
    return {key: _text(key, value, source) for key, value in flat.items()}


def from_variables(environment: Mapping[str, str], prefix: str) -> dict[str, str]:
    """The values of environment variables: ``<prefix>NODE_CLASS_TYPE`` is ``node.class_type``."""
    found = {}
    for key in KEYS:
        if value := environment.get(prefix + key.replace(".", "_").upper()):
            found[key] = value
    variables = prefix + "ENVIRONMENT_"
    for name, value in environment.items():
        if name.startswith(variables) and name != variables:
            found[ENVIRONMENT + name.removeprefix(variables)] = value
    return found


def build_service(chosen: Values, image: str | None) -> ServiceSpec:
    """The service that *chosen* describes, laid over the layout that it names.

    Args:
        chosen: key to text.
        image: the image's reference, None for the bundled one.

    Raises:
        UsageProblem: a key is unknown or a value cannot be.
    """
    for key in chosen:
        _refuse_unknown(key)
    layout = chosen.get("layout", REFERENCE)
    if layout not in layouts():
        raise UnknownName("layout", layout, tuple(layouts()))
    values = {**layouts()[layout], **chosen}
    base = values.pop("base", "")
    if base and _CONTAINER_PATH.fullmatch(base) is None:
        raise UsageProblem(f"service.base must be an absolute path in the container, not {base!r}")
    values = {key: value.replace("{base}", base.rstrip("/")) for key, value in values.items()}
    return ServiceSpec(
        image=image,
        layout=layout,
        entrypoint=_words("entrypoint", values.get("entrypoint", "")),
        command=_words("command", values.get("command", "")),
        port=_whole("port", values.get("port", "8188"), 65535),
        user=_user(values.get("user")),
        environment=_environment(values),
        mounts=_mounts(values),
        node=_node(values),
        checkpoint_file=_checkpoint_file(values.get("checkpoint_file", "bundled")),
        checkpoint_path=_inside(values.get("checkpoint_path", ServiceSpec().checkpoint_path)),
        goldens=_path(values.get("goldens")),
        workflows=_path(values.get("workflows")),
    )


@cache
def layouts() -> Mapping[str, Mapping[str, str]]:
    """The named layouts and their values."""
    path = fixtures() / "stack" / LAYOUTS_FILE
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    return {name: from_table(table, LAYOUTS_FILE) for name, table in content.items()}


def settable() -> str:
    """What can be said of a service, for messages."""
    return f"of a service: {', '.join(KEYS)}, {ENVIRONMENT}NAME; layouts: {', '.join(layouts())}"


def _refuse_unknown(key: str, table: str = "[service]") -> None:
    if key.startswith(ENVIRONMENT):
        name = key.removeprefix(ENVIRONMENT)
        if _VARIABLE.fullmatch(name) is None:
            raise UsageProblem(f"{name!r} cannot be the name of an environment variable")
    elif key == "image":
        raise UsageProblem(f"image is no key of {table}", "set it at the top, or by --image")
    elif key not in KEYS:
        raise UnknownName(f"key of {table}", key, (*KEYS, f"{ENVIRONMENT}NAME"))


def _text(key: str, value: object, source: str) -> str:
    if key in _LISTS and isinstance(value, list) and all(isinstance(each, str) for each in value):
        return shlex.join(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        wanted = "a text or a list of texts" if key in _LISTS else "a text or a whole number"
        raise UsageProblem(f"{source}: service.{key} must be {wanted}, not {value!r}", settable())
    return str(value)


def _words(key: str, text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise UsageProblem(f"service.{key} = {text!r} is no command line: {error}") from error


def _whole(key: str, text: str, most: int) -> int:
    number = (
        int(text) if text.isascii() and text.isdigit() and len(text) < len(str(most)) + 1 else 0
    )
    if not 1 <= number <= most:
        raise UsageProblem(f"service.{key} must be a whole number from 1 to {most}, not {text!r}")
    return number


def _user(text: str | None) -> str | None:
    if text is not None and _USER.fullmatch(text) is None:
        raise UsageProblem(
            f"service.user must be UID or UID:GID in numbers, not {text!r}",
            "numbers, because what is restored has to belong to the same user at both sites",
        )
    return text


def _environment(values: Values) -> dict[str, str]:
    chosen = {
        key.removeprefix(ENVIRONMENT): value
        for key, value in values.items()
        if key.startswith(ENVIRONMENT)
    }
    for name, value in chosen.items():
        if "\x00" in value or "\n" in value:
            raise UsageProblem(f"service.environment.{name} must be one line")
    return chosen


def _mounts(values: Values) -> Mounts:
    chosen = {
        name: values.get(f"mounts.{name}", getattr(Mounts(), name)).rstrip("/")
        for name in Mounts.__slots__
    }
    for name, path in chosen.items():
        if _CONTAINER_PATH.fullmatch(path) is None or ".." in PurePosixPath(path).parts:
            raise UsageProblem(
                f"service.mounts.{name} must be an absolute path in the container, not {path!r}"
            )
    for name, path in chosen.items():
        for other, above in chosen.items():
            if name != other and PurePosixPath(path).is_relative_to(above):
                raise UsageProblem(
                    f"service.mounts.{name} ({path}) lies in service.mounts.{other} ({above})",
                    "each is a volume of its own; none may hold another",
                )
    return Mounts(**chosen)


def _node(values: Values) -> ColorizeNode:
    default = ColorizeNode()
    chosen: dict[str, Any] = {}
    for name in ColorizeNode.__slots__:
        text = values.get(f"node.{name}", str(getattr(default, name)))
        if name.endswith("_px"):
            chosen[name] = _whole(f"node.{name}", text, 16384)
        elif text.strip() and text.isprintable():
            chosen[name] = text
        else:
            raise UsageProblem(f"service.node.{name} must be a name, not {text!r}")
    inputs = [chosen["image_input"], chosen["size_input"], chosen["model_input"]]
    if len(set(inputs)) < len(inputs):
        raise UsageProblem(f"the node's inputs must have names of their own, not {inputs}")
    return ColorizeNode(**chosen)


def _checkpoint_file(text: str) -> Path | Literal["bundled", "image"]:
    if text == "bundled":
        return "bundled"
    if text == "image":
        return "image"
    found = _path(text)
    if found is None:
        raise UsageProblem("service.checkpoint_file must be bundled, image or a file, not empty")
    return found


def _inside(text: str) -> str:
    path = PurePosixPath(text)
    if not path.name or path.is_absolute() or ".." in path.parts or not text.isprintable():
        raise UsageProblem(
            f"service.checkpoint_path must be a path inside the models folder, not {text!r}"
        )
    return str(path)


def _path(text: str | None) -> Path | None:
    if text is not None and ("\x00" in text or not text.strip()):
        raise UsageProblem(f"{text!r} cannot be a path")
    return None if text is None else Path(text)
