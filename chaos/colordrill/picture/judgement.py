"""Whether a canary's picture is the correct one.

Pure but for :func:`judge_files`, which runs in the scoring worker.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from colordrill.picture.likeness import (
    WINDOW,
    Scores,
    compare,
    difference_picture,
    extent,
    named,
)
from colordrill.picture.png import (
    PictureProblem,
    decode,
    embedded_prompt,
    prompts_match,
    size_of,
)

Found = TypeVar("Found")


class Bounds(Protocol):
    """What :func:`judge` needs of a scenario's objectives."""

    @property
    def chroma_ssim_min(self) -> float:
        """SSIM of Lab a and b apart, the worse of both."""

    @property
    def chroma_tile_min(self) -> float:
        """The same for the worst tile."""

    @property
    def luma_ssim_min(self) -> float:
        """SSIM of L."""

    @property
    def delta_e_max(self) -> float:
        """Mean CIEDE2000."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found out about one picture.

    Attributes:
        correct: None where it could not be judged.
        reasons: why it is not True; or what else went wrong.
        scores: None where output or golden could not be compared.
        pixels_sha256: of the decoded pixels, whatever the file's encoding; None where it does not
            decode.
    """

    correct: bool | None
    reasons: tuple[str, ...]
    scores: Scores | None
    pixels_sha256: str | None = None


def judge(
    output: bytes,
    golden: bytes,
    photo: bytes,
    submitted_prompt: Mapping[str, Any],
    bounds: Bounds,
) -> Judgement:
    """Whether *output* is the correct colorization of *photo*.

    False as soon as anything is wrong with the output itself; None when the output shows no fault
    but photo or golden do not allow a judgement; True otherwise.

    Args:
        output: the file that the client fetched.
        golden: the golden PNG.
        photo: the file that the client uploaded; gives the size.
        submitted_prompt: what was posted to /prompt.
        bounds: the limits of the scores.
    """
    wrong: list[str] = []
    unjudged: list[str] = []
    size = _found(unjudged, "the photo", size_of, photo)
    theirs = _found(unjudged, "the golden", decode, golden)
    ours = _found(wrong, "the picture", decode, output)
    if ours is not None:
        wrong += _prompt_faults(output, submitted_prompt)
        if size is not None and extent(ours) != size:
            wrong.append(f"the picture has {named(extent(ours))} px, its photo {named(size)}")
    if size is not None and theirs is not None:
        unjudged += _golden_faults(extent(theirs), size)
    scores: Scores | None = None
    if ours is not None and theirs is not None and not unjudged:
        scores = compare(ours, theirs)
        wrong += _score_faults(scores, bounds)
    correct = False if wrong else None if unjudged else True
    pixels = None if ours is None else hashlib.sha256(ours.tobytes()).hexdigest()
    return Judgement(correct, (*wrong, *unjudged), scores, pixels)


def judge_files(
    output: Path,
    golden: Path,
    photo: Path,
    submitted_prompt: Mapping[str, Any],
    bounds: Bounds,
    difference: Path | None = None,
) -> Judgement:
    """:func:`judge` on files, for the scoring worker; writes the difference picture if asked.

    A file that cannot be read leaves the picture unjudged: that is the harness's trouble and says
    nothing about the service. A difference that cannot be written is mentioned in the reasons.
    """
    try:
        ours, theirs = output.read_bytes(), golden.read_bytes()
        judgement = judge(ours, theirs, photo.read_bytes(), submitted_prompt, bounds)
    except OSError as error:
        return Judgement(None, (f"cannot be judged: {error}",), None)
    if difference is None or judgement.scores is None or not judgement.scores.size_ok:
        return judgement
    try:
        difference.write_bytes(difference_picture(decode(ours), decode(theirs)))
    except OSError as error:
        note = f"the difference picture could not be written: {error}"
        return replace(judgement, reasons=(*judgement.reasons, note))
    return judgement


def _found(
    problems: list[str], what: str, read: Callable[[bytes], Found], data: bytes
) -> Found | None:
    try:
        return read(data)
    except PictureProblem as problem:
        problems.append(f"{what} is refused: {problem.cause}")
        return None


def _prompt_faults(output: bytes, submitted: Mapping[str, Any]) -> list[str]:
    try:
        embedded = embedded_prompt(output)
    except PictureProblem as problem:
        return [problem.cause]
    if embedded is None:
        return ["the picture embeds no prompt"]
    if not prompts_match(embedded, submitted):
        return ["the picture embeds another prompt than the one submitted"]
    return []


def _golden_faults(golden: tuple[int, int], photo: tuple[int, int]) -> list[str]:
    if golden != photo:
        return [f"the golden has {named(golden)} px, its photo {named(photo)}"]
    if min(golden) < WINDOW:
        return [f"the golden has {named(golden)} px, less than one {WINDOW} px window"]
    return []


def _score_faults(scores: Scores, bounds: Bounds) -> list[str]:
    if not scores.size_ok:
        return []  # said already, against the photo
    least = (
        ("chroma SSIM", scores.chroma_ssim, bounds.chroma_ssim_min),
        ("worst tile's chroma SSIM", scores.chroma_tile, bounds.chroma_tile_min),
        ("luma SSIM", scores.luma_ssim, bounds.luma_ssim_min),
    )
    # "not >=" and not "<": a NaN is a fault
    faults = [
        f"{name} {score:.4f} is below {bound:g}"
        for name, score, bound in least
        if not score >= bound
    ]
    if not scores.delta_e <= bounds.delta_e_max:
        faults.append(f"mean CIEDE2000 {scores.delta_e:.3f} is above {bounds.delta_e_max:g}")
    return faults
