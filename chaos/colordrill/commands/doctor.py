"""`colordrill doctor`: this machine, or a colorization service."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from colordrill.commands.addresses import url_option
from colordrill.errors import ExitCode, UsageProblem
from colordrill.options import json_option, service_options
from colordrill.record.wording import printable
from colordrill.scenario.settings import load_settings


@click.command()
@click.option("--image", metavar="REF", help="examine this colorization image, started alone")
@url_option("examine the colorization service that runs at this address")
@service_options
@json_option
def doctor(image: str | None, url: str | None, as_json: bool, **options: Any) -> None:
    """Say what this machine has, what is missing, and how to get it.

    With --image or --url: which parts of the contract that a drill relies on a colorization service
    keeps, and what to do about the others. Exit code 1 if one is missing,
    3 if one could not be looked at (at an address nothing shows of the container).

    \b
    Examples:
      colordrill doctor
      colordrill doctor --image registry.example/ours:1.4 --service layout=comfyui
      colordrill doctor --url http://127.0.0.1:8188 --service layout=comfyui
    """
    if image is not None and url is not None:
        raise UsageProblem("--image and --url name two services", "give one of them")
    if image is None and url is None:
        _machine(as_json)
        return
    settings = load_settings({"image": image, **options}, Path.cwd())
    from colordrill.drill.examine_service import examine_image, examine_url

    if url is not None:
        clauses = examine_url(settings, url)
    else:
        clauses = examine_image(settings, lambda text: click.echo(text, err=True))
    _service(clauses, as_json)


def _machine(as_json: bool) -> None:
    from colordrill.stack.doctor import examine

    findings = examine()
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(each) for each in findings]))
    else:
        for each in findings:
            _print(each.status, each)
    if any(str(each.status) == "missing" for each in findings):
        sys.exit(int(ExitCode.ENVIRONMENT))


def _service(clauses: Iterable[Any], as_json: bool) -> None:
    seen = []
    for each in clauses:
        seen.append(each)
        if not as_json:
            _print(each.outcome, each)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(each) for each in seen], ensure_ascii=False))
    outcomes = {str(each.outcome) for each in seen}
    if "MISSING" in outcomes:
        sys.exit(int(ExitCode.FAIL))
    if "unknown" in outcomes:
        sys.exit(int(ExitCode.UNKNOWN))


def _print(found: str, each: Any) -> None:
    click.echo(f"{found:8} {each.name}: {printable(each.detail)}")
    if each.remedy:
        click.echo(f"         → {printable(each.remedy)}")
