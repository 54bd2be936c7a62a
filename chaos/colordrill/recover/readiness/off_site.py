"""The copies off site: young, and really read from the DR site, with the DR site's account."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from colordrill.backup.point_ids import begun_at
from colordrill.backup.points import PointDamaged
from colordrill.backup.restic import OffsiteRefused, ResticStrategy
from colordrill.look import Look
from colordrill.recover.readiness.examined import Examined
from colordrill.recover.readiness.probe import Probing

CHECK = "off_site"
READ, FREE = "read", "free"


def readable_off_site(age_max_s: float) -> Probing:
    """The probe of the newest copy: no older than *age_max_s*, and its configuration is read.

    Where the DR site's agent does not run, or nobody listens at the store, nobody could look. A
    store that answers and does not let this account in was looked at.
    """

    def probe(examined: Examined) -> Iterator[Look]:
        copies = ResticStrategy(examined.target)
        try:
            points = copies.listed()
        except (OffsiteRefused, PointDamaged) as error:
            yield Look(CHECK, "the list of copies, by the DR site's account", READ, error.cause)
            return
        if not points:
            yield Look(CHECK, "a copy off site")
            return
        newest = points[-1].id
        age_s = (examined.clock.wall() - begun_at(newest)).total_seconds()
        subject = "seconds since the newest copy was begun"
        yield Look(CHECK, subject, age_max_s, age_s, note=f"newest of {len(points)}: {newest}")
        subject = f"config/stack.env of {newest}, by the DR site's account"
        yield Look(CHECK, subject, READ, _told(lambda: copies.configuration(newest) and READ))
        yield Look(CHECK, "the repository", FREE, _told(lambda: _locked(copies)))

    return probe


def _told(look: Callable[[], str]) -> str:
    """What *look* finds; where it is refused, why."""
    try:
        return look()
    except (OffsiteRefused, PointDamaged) as error:
        return error.cause


def _locked(copies: ResticStrategy) -> str:
    holder = copies.lock()
    return f"locked by {holder}" if holder else FREE
