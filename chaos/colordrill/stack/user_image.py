"""The user's own colorization image: found or pulled before anything is started."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from colordrill.errors import EnvironmentProblem

PULL_LIMIT_S = 1800
LAST_LINES = 5


def ensure_user_image(reference: str, say: Callable[[str], None]) -> None:
    """See that the engine has *reference*; pull it when it has not.

    Raises:
        EnvironmentProblem: it is neither present nor to be pulled; says what docker said.
    """
    present = _docker("image", "inspect", "--format", "{{.Id}}", reference, limit_s=60)
    if present.returncode == 0:
        return
    say(f"image {reference}: pulling")
    pulled = _docker("pull", "--quiet", reference, limit_s=PULL_LIMIT_S)
    if pulled.returncode != 0:
        said = "\n".join(pulled.stderr.strip().splitlines()[-LAST_LINES:])
        raise EnvironmentProblem(
            f"image {reference} is not there and cannot be pulled: {said}",
            "check its name; build it or log in to its registry first",
        )


def _docker(*arguments: str, limit_s: float) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["docker", *arguments], capture_output=True, text=True, check=False, timeout=limit_s
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnvironmentProblem(
            f"docker {arguments[0]} did not end: {error}", "see `colordrill doctor`"
        ) from error
