"""`colordrill workflows`: verify workflow files, or derive what follows from them."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import click

from colordrill.commands.addresses import url_option
from colordrill.errors import ExitCode
from colordrill.options import PATH, drill_options, json_option
from colordrill.record.wording import printable
from colordrill.scenario.settings import load_settings

URL_HELP = "a running service; default: the configured one is started"


@click.group()
def workflows() -> None:
    """Verify workflow files against a service, or derive their API forms.

    \b
    Examples:
      colordrill workflows verify --url http://127.0.0.1:8188
      colordrill workflows derive --url http://127.0.0.1:8188
    """


@workflows.command("verify")
@url_option(URL_HELP)
@drill_options
@json_option
def workflows_verify(url: str | None, as_json: bool, **options: Any) -> None:
    """Check every workflow file: form, size, nodes, inputs, API form, and the picture it makes.

    \b
    Examples:
      colordrill workflows verify --url http://127.0.0.1:8188
      colordrill workflows verify --url http://127.0.0.1:8188 --service workflows=my-workflows
    """
    from colordrill.drill.workflows import verify

    settings, checks = load_settings(options, Path.cwd()), []
    try:
        for check in verify(settings, url):
            checks.append(check)
            if not as_json:
                cause = f": {check.cause}" if check.cause else ""
                click.echo(printable(f"{check.workflow} {check.check}: {check.outcome}{cause}"))
    finally:
        # what was found before the service failed was found all the same
        if as_json:
            found = [dataclasses.asdict(each) for each in checks]
            click.echo(json.dumps(found, ensure_ascii=False))
    wrong = any(each.outcome != "right" for each in checks)
    sys.exit(int(ExitCode.FAIL if wrong else ExitCode.PASS))


@workflows.command("derive")
@url_option(URL_HELP)
@click.option(
    "--to",
    type=PATH,
    metavar="DIR",
    help="write all of them, made for the configured node, into this empty directory",
)
@drill_options
def workflows_derive(url: str | None, to: Path | None, **options: Any) -> None:
    """Write the API form of every workflow from its UI form, as the service's page would.

    \b
    Examples:
      colordrill workflows derive --url http://127.0.0.1:8188
      colordrill workflows derive --url http://127.0.0.1:8188 --service layout=comfyui --to mine
    """
    from colordrill.drill.derived_workflows import derive_api_forms, derive_directory

    settings = load_settings(options, Path.cwd())
    lines = derive_api_forms(settings, url) if to is None else derive_directory(settings, url, to)
    for line in lines:
        click.echo(printable(line))
