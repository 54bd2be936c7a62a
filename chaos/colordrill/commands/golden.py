"""`colordrill golden`: capture golden images, or verify them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from colordrill.commands.addresses import url_option
from colordrill.errors import ExitCode
from colordrill.options import drill_options
from colordrill.record.wording import printable
from colordrill.scenario.settings import load_settings

URL_HELP = "a running service; default: the bundled one is started"


@click.group()
def golden() -> None:
    """Capture the golden images of a service, or verify them against it.

    \b
    Example:
      colordrill golden verify --url http://127.0.0.1:8188
    """


@golden.command("capture")
@url_option(URL_HELP)
@click.option("--force", is_flag=True, help="replace goldens that exist already")
@drill_options
def golden_capture(url: str | None, force: bool, **options: Any) -> None:
    """Have a service colour the canaries' photos, and keep the pictures as goldens.

    They go, with their manifest, to the directory that `service.goldens` names; look at them.

    \b
    Example:
      colordrill golden capture --image registry.example/ours:1.4 --service layout=comfyui
    """
    from colordrill.drill.goldens import capture

    for line in capture(load_settings(options, Path.cwd()), url, force=force):
        click.echo(line)


@golden.command("verify")
@url_option(URL_HELP)
@drill_options
def golden_verify(url: str | None, **options: Any) -> None:
    """Colour the canaries' photos again and compare with the goldens.

    A golden that is not there is written, and the command fails: nobody has looked at it yet.

    \b
    Example:
      colordrill golden verify --url http://127.0.0.1:8188
    """
    from colordrill.drill.goldens import verify

    wrong = False
    for name, judgement in verify(load_settings(options, Path.cwd()), url):
        click.echo(
            f"{printable(name)}: {'right' if judgement.correct else 'WRONG'} {judgement.scores}"
        )
        wrong = wrong or judgement.correct is not True
    sys.exit(int(ExitCode.FAIL if wrong else ExitCode.PASS))
