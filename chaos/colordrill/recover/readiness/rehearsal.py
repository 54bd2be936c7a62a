"""The rehearsal: the DR site is started, restored, and colours what the primary colours too.

It is all taken back: the service is stopped, its volumes are emptied, and of the pictures that the
primary coloured nothing is left there.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from colordrill.backup.points import PointDamaged, SiteFault, restore_point
from colordrill.errors import (
    ColordrillError,
    EnvironmentProblem,
    ServiceProblem,
    WaitExpired,
)
from colordrill.interrupts import shielded
from colordrill.look import Look
from colordrill.picture import Bounds, Judgement, judge
from colordrill.recover.emptying import empty_dr_site
from colordrill.recover.readiness.containers import DR, held_file
from colordrill.recover.readiness.examined import READ_LIMIT_S, Examined
from colordrill.recover.steps import LOG_LINES, await_answer
from colordrill.stack.comfyui import RequestUncertain
from colordrill.stack.parts import Part, Site
from colordrill.stack.target import Target
from colordrill.workload.colorize import Coloured, Deadline, colour
from colordrill.workload.photos import Photo
from colordrill.workload.stored import StoredWorkflows
from colordrill.workload.workflows import Workflow

CHECK = "same_colour"
MARKER = "rehearsal"
"""The file in a run's directory that is there while a rehearsal goes on, and names it."""

RIGHT = "right"
TOKEN = re.compile(r"rehearsal-[0-9a-f]{8}")
"""How everything that a rehearsal leaves at the primary begins."""

PICTURE_LIMIT_S = 120.0

_TIDY = 'find /site/input /site/output -name "$1*" -type f -delete'
_TIDY_MIRROR = 'mc --quiet find storage/outputs --name "$1*" --exec "mc --quiet rm {}"'


@dataclass(frozen=True, slots=True)
class KnownPicture:
    """A photo whose right picture is known.

    Attributes:
        name: what is on it.
        workflow: what colours it; the content is the one that each site's service holds.
        photo: what is uploaded.
        golden: the right picture.
    """

    name: str
    workflow: Workflow
    photo: Photo
    golden: bytes


@dataclass(slots=True)
class Rehearsal:
    """Recovers the DR site for a few moments.

    Attributes:
        pictures: what both sites colour.
        bounds: within which a picture is right.
        marker: a file that is there while the rehearsal goes on, and names it.
        say: tells people how it goes.
    """

    pictures: tuple[KnownPicture, ...]
    bounds: Bounds
    marker: Path
    say: Callable[[str], None]
    _token: str = field(init=False, default_factory=lambda: f"rehearsal-{secrets.token_hex(4)}")

    def looks(self, examined: Examined) -> Iterator[Look]:
        """What each site made of each photo, and whether it was the same.

        Raises:
            EnvironmentProblem: the DR site does not stand by empty, or cannot be restored.
        """
        if not self.pictures:
            raise EnvironmentProblem("there is no golden; `colordrill golden capture` makes them")
        refuse_in_use(examined)
        point = examined.point().id
        at_dr: Mapping[str, Judgement | Look] | str
        with self._taken_back(examined.target):
            at_primary = self._judged(examined, Site.PRIMARY)
            try:
                at_dr = self._restored(examined, point)
            except (WaitExpired, PointDamaged, SiteFault) as error:
                at_dr = error.cause
        if isinstance(at_dr, str):
            yield Look(CHECK, f"the DR site, restored from {point}", RIGHT, at_dr)
            return
        for each in self.pictures:
            yield from _compared(each.name, at_primary[each.name], at_dr[each.name])

    @contextmanager
    def _taken_back(self, target: Target) -> Iterator[None]:
        """Whatever happens in the block, both sites are as before; if not, the marker stays."""
        self.marker.write_text(self._token, encoding="ascii")
        try:
            yield
        finally:
            with shielded():
                end_rehearsal(target, self.marker, self.say)

    def _restored(self, examined: Examined, point: str) -> Mapping[str, Judgement | Look]:
        self.say(f"rehearsal: the DR site is started and restored from {point}")
        examined.target.start(DR)
        await_answer(
            examined.clock,
            lambda: examined.client(Site.DR),
            "the service of the DR site",
            lambda: examined.target.logs(DR, tail=LOG_LINES),
        )
        restore_point(examined.target, Part.DR_AGENT, point)
        return self._judged(examined, Site.DR)

    def _judged(self, examined: Examined, site: Site) -> dict[str, Judgement | Look]:
        """What *site* made of each photo; a look where it made nothing."""
        self.say(f"rehearsal: {site} colours {', '.join(each.name for each in self.pictures)}")
        return {each.name: self._one(examined, site, each) for each in self.pictures}

    def _one(self, examined: Examined, site: Site, picture: KnownPicture) -> Judgement | Look:
        subject = f"{picture.name} at {site}"
        try:
            coloured = self._coloured(examined, site, picture)
        except ServiceProblem as error:
            if isinstance(error, RequestUncertain):
                return Look(CHECK, subject, unseen=error.cause)
            return Look(CHECK, subject, RIGHT, f"no picture: {error.cause}")
        except ColordrillError as error:
            return Look(CHECK, subject, unseen=error.cause)
        content, photo = coloured.answer.body, picture.photo.content
        return judge(content, picture.golden, photo, coloured.prompt, self.bounds)

    def _coloured(self, examined: Examined, site: Site, picture: KnownPicture) -> Coloured:
        name = f"{self._token}-{picture.name}"
        with examined.client(site) as client:
            workflow = StoredWorkflows().current(picture.workflow, client, READ_LIMIT_S)
            deadline = Deadline(examined.clock, PICTURE_LIMIT_S)
            coloured = colour(client, examined.clock, workflow, picture.photo, name, deadline)
            with suppress(ServiceProblem):
                client.forget_finished([coloured.prompt_id])
        return coloured


def refuse_in_use(examined: Examined) -> None:
    """See that the DR site stands by: nothing of it may be anybody's.

    Raises:
        EnvironmentProblem: it does not.
    """
    state = examined.target.state(DR)
    if not state.exists:
        raise EnvironmentProblem(f"there is no container {DR} to rehearse with")
    if state.running:
        raise EnvironmentProblem(f"{DR} runs: a site in use is not rehearsed with")
    if held := held_file(examined):
        raise EnvironmentProblem(f"the DR site holds {held}: nothing is restored over it")


def end_rehearsal(target: Target, marker: Path, say: Callable[[str], None]) -> None:
    """Tidy the primary, stop the DR site's service and empty its volumes; the marker goes last.

    Raises:
        EnvironmentProblem: it cannot be stopped or emptied; the marker stays.
    """
    _tidy_primary(target, marker, say)
    target.stop(DR)
    empty_dr_site(target)
    marker.unlink(missing_ok=True)


def _tidy_primary(target: Target, marker: Path, say: Callable[[str], None]) -> None:
    """Remove the photos and pictures of the marker's rehearsal, and the mirror's copies of them."""
    token = marker.read_text(encoding="ascii", errors="replace")
    if TOKEN.fullmatch(token) is None:
        say(f"{marker} does not name a rehearsal: nothing is removed at the primary")
        return
    for part, script in ((Part.PRIMARY_AGENT, _TIDY), (Part.PRIMARY_MIRROR, _TIDY_MIRROR)):
        command = ("sh", "-c", script, "tidy", token)
        try:
            done = target.execute(part, command, timeout_s=READ_LIMIT_S)
            told = (done.stderr or done.stdout).strip() if done.exit_code else ""
        except EnvironmentProblem as error:
            told = error.cause
        if told:
            say(f"{part} could not remove files {token}*: {told}")


def _compared(name: str, primary: Judgement | Look, dr: Judgement | Look) -> Iterator[Look]:
    for site, found in ((Site.PRIMARY, primary), (Site.DR, dr)):
        if isinstance(found, Look):
            yield found
        elif found.correct is None:
            yield Look(CHECK, f"{name} at {site}", unseen="; ".join(found.reasons))
        else:
            seen = RIGHT if found.correct else f"wrong: {'; '.join(found.reasons)}"
            yield Look(CHECK, f"{name} at {site}", RIGHT, seen, note=_likeness(primary, dr))


def _likeness(primary: Judgement | Look, dr: Judgement | Look) -> str:
    if isinstance(primary, Look) or isinstance(dr, Look):
        return ""
    same = primary.pixels_sha256 == dr.pixels_sha256
    return "equal pixels at both sites" if same else "other pixels than at the other site"
