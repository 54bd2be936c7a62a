"""Options that several commands of the command line share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from colordrill.scenario.configuration import PROFILES
from colordrill.scenario.fault_spec import StrategyKind

Command = Callable[..., Any]


def _overrides(
    _ctx: click.Context, _param: click.Parameter, values: Sequence[str]
) -> dict[str, str]:
    chosen: dict[str, str] = {}
    for each in values:
        key, separator, value = each.partition("=")
        if not separator:
            raise click.BadParameter(f"{each!r} is not KEY=VALUE")
        if chosen.get(key, value) != value:
            raise click.BadParameter(f"{key} is given twice: {chosen[key]!r} and {value!r}")
        chosen[key] = value
    return chosen


class _NamedPath(click.Path):
    """A path that somebody has named: an empty text would mean the current directory."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("a path must not be empty", param, ctx)
        return super().convert(value, param, ctx)


PATH = _NamedPath(path_type=Path)


def _with_options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_service_option = click.option(
    "--service",
    "service_values",
    multiple=True,
    metavar="KEY=VALUE",
    callback=_overrides,
    help="what your image is like, as [service] of colordrill.toml, e.g. layout=comfyui",
)
_device_option = click.option("--device", type=click.Choice(["cpu", "cuda"]), help="default cpu")
_overrides_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    callback=_overrides,
    help="override pace.NAME or objectives.NAME",
)
out_option = click.option("--out", type=PATH, help="where records go; default runs/")
service_options = _with_options(_service_option, _device_option, _overrides_option)
drill_options = _with_options(
    click.option("--profile", type=click.Choice(list(PROFILES)), help="gate (default) or nightly"),
    click.option("--seed", type=int, help="draws photos, crops and their order; default 1"),
    click.option("--image", metavar="REF", help="your own colorization image"),
    _service_option,
    _device_option,
    click.option(
        "--strategy",
        type=click.Choice([each.value for each in StrategyKind]),
        help="how drills that fail over keep their recovery points, e.g. s3; default: as each says",
    ),
    out_option,
    click.option("--keep", is_flag=True, default=None, help="leave the stack standing"),
    _overrides_option,
)
retention_options = _with_options(
    click.option("--keep-last", metavar="N", help="keep the newest N points"),
    click.option("--keep-hourly", metavar="N", help="keep the newest of each of the last N hours"),
    click.option("--keep-daily", metavar="N", help="keep the newest of each of the last N days"),
    click.option("--keep-within", metavar="TIME", help="keep all as new as this, e.g. 2d"),
)
plan_options = _with_options(
    click.option("--verify/--no-verify", default=None, help="read every byte of it again"),
    click.option(
        "--offsite-every",
        metavar="N",
        help="copy the first point and then every N-th off site, e.g. 24; default: none",
    ),
    retention_options,
)
stack_option = click.option("--stack", metavar="ID", help="which stack, where several stand")
json_option = click.option("--json", "as_json", is_flag=True, help="print JSON on standard output")
