"""The pictures that a report shows: which canaries, and their files as data URIs."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from colordrill.record.chronology import CanaryState, CanaryTrace

_SIDE_MAX = 420
_JPEG_QUALITY = 88
_PER_GROUP_MAX = 2
_COLUMNS = ("input", "golden", "output", "difference")


@dataclass(frozen=True, slots=True)
class Picture:
    """One cell of the pictures table; ``uri`` is None where there is nothing to show."""

    column: str
    uri: str | None
    missing: str


@dataclass(frozen=True, slots=True)
class PictureRow:
    """One canary with its pictures."""

    group: str
    canary: CanaryTrace
    pictures: tuple[Picture, ...]


def choose_pictures(canaries: Sequence[CanaryTrace], directory: Path) -> list[PictureRow]:
    """Some canaries from before the fault, from after it while wrong, and from the end.

    Args:
        canaries: all of them, in order of time.
        directory: the run directory that their paths are relative to.
    """
    return [
        PictureRow(group, canary, tuple(_cells(canary, directory)))
        for group, canary in _choose(canaries)
    ]


def _choose(canaries: Sequence[CanaryTrace]) -> Iterator[tuple[str, CanaryTrace]]:
    shown = [each for each in canaries if each.image is not None]
    correct = [each for each in shown if each.state is CanaryState.CORRECT]
    before = [each for each in correct if each.shown_s <= 0]
    wrong = [each for each in shown if each.state is not CanaryState.CORRECT]
    # what is known to be wrong tells more than what nobody could judge
    wrong.sort(key=lambda each: (each.state is not CanaryState.WRONG, each.shown_s))
    after = [each for each in correct if each.shown_s > 0]
    # the last ones: right before the fault, and at the end, when all has settled
    chosen = _one_per_canary(before[::-1])
    names = [each.name for each in chosen]
    # the same photos on both sides of the fault can be compared
    after.sort(key=lambda each: (each.name not in names, -each.shown_s))
    yield from (("before the fault", each) for each in chosen)
    yield from (("not correct", each) for each in _one_per_canary(wrong))
    yield from (("after recovery", each) for each in _one_per_canary(after))


def _one_per_canary(canaries: Sequence[CanaryTrace]) -> list[CanaryTrace]:
    """The first of each name: the same face twice tells nothing new."""
    by_name: dict[str, CanaryTrace] = {}
    for canary in canaries:
        by_name.setdefault(canary.name, canary)
    return sorted(list(by_name.values())[:_PER_GROUP_MAX], key=lambda each: each.name)


def _cells(canary: CanaryTrace, directory: Path) -> Iterator[Picture]:
    paths: Mapping[str, Any] = {**canary.score, "output": canary.image}
    for column in _COLUMNS:
        path = paths.get(column)
        if isinstance(path, str) and path:
            yield _picture(column, directory, path)
        else:
            yield Picture(column, None, "not kept")


def _picture(column: str, directory: Path, name: str) -> Picture:
    path = (directory / name).resolve()
    # a history is data from outside: it must not pull other files into a page that gets shared
    if not path.is_relative_to(directory.resolve()):
        return Picture(column, None, "outside the run directory")
    try:
        # opening a pipe would wait for somebody who writes into it
        if path.exists() and not path.is_file():
            return Picture(column, None, "does not decode (no plain file)")
        return Picture(column, _data_uri(path), "")
    except FileNotFoundError:
        return Picture(column, None, "no such file")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Warning) as error:
        return Picture(column, None, f"does not decode ({type(error).__name__})")


def _data_uri(path: Path) -> str:
    """A small JPEG: a report holds two dozen pictures and is sent by mail."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(path) as picture:
            small = picture.convert("RGB")
    small.thumbnail((_SIDE_MAX, _SIDE_MAX), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
