"""Tars as an engine makes them of a container's files."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path


def tar_of(held: Mapping[str, bytes | Path], path: str) -> bytes | None:
    """A tar of *path* and all below it, called by its last part; None where there is no such path.

    Args:
        held: content by path, or where on this machine it lies.
        path: a file or a folder of them.
    """
    below = {name: each for name, each in held.items() if f"{name}/".startswith(f"{path}/")}
    if not below:
        return None
    folder = path.rpartition("/")[0]
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name, each in below.items():
            entry = tarfile.TarInfo(name.removeprefix(f"{folder}/"))
            if isinstance(each, Path):
                tar.add(each, arcname=entry.name)
                continue
            entry.size = len(each)
            tar.addfile(entry, io.BytesIO(each))
    return content.getvalue()
