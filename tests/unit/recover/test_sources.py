"""Which of a source's points a failover tries, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from colordrill.backup.points import PointDamaged, RecoveryPoint, SiteFault, Verification
from colordrill.backup.strategy import Strategy
from colordrill.errors import EnvironmentProblem
from colordrill.recover.keepers import POINTS_TRIED_MAX
from colordrill.recover.sources import restore_newest_whole
from colordrill.stack.parts import Part

AT = datetime(2026, 11, 22, 20, 16, tzinfo=UTC)
IDS = [f"20261122T2015{number:02d}.123Z" for number in range(12)]
WHOLE, DAMAGED = Verification(AT), Verification(AT, 2, ("output/a.png", "output/b.png"))


@dataclass
class Source:
    """Points of which some cannot be restored.

    Attributes:
        known: what their last verification found; the others were never verified.
        rotten: whose restore finds damage.
        site_is_full: the site takes none of them.
    """

    known: dict[str, Verification] = field(default_factory=dict)
    rotten: set[str] = field(default_factory=set)
    site_is_full: bool = False
    tried: list[str] = field(default_factory=list)
    name: str = "rsync"

    def listed(self) -> Sequence[RecoveryPoint]:
        return [RecoveryPoint(each, "rsync", 3, 9, self.known.get(each)) for each in IDS]

    def restore(self, _agent: Part, point: str) -> int:
        self.tried.append(point)
        if self.site_is_full:
            raise SiteFault("no space left")
        if point in self.rotten:
            raise PointDamaged(f"{point} is damaged")
        return 3

    def restored(self) -> Any:
        strategy = cast("Strategy", self)
        return restore_newest_whole([strategy], Part.DR_AGENT, lambda _line: None)


def test_points_that_are_known_to_be_damaged_are_not_tried_and_are_told() -> None:
    source = Source(known=dict.fromkeys(IDS[-7:], DAMAGED))

    restored = source.restored()

    assert (restored.point, source.tried) == (IDS[-8], [IDS[-8]])
    assert any(IDS[-1] in each and "2 files" in each for each in restored.passed_over)
    assert len(restored.passed_over) == POINTS_TRIED_MAX


def test_the_newest_verified_point_is_tried_after_the_newest_ones() -> None:
    source = Source(known={IDS[0]: WHOLE, IDS[1]: WHOLE}, rotten=set(IDS[2:]))

    assert source.restored().point == IDS[1]

    newest = [*reversed(IDS)][:POINTS_TRIED_MAX]
    assert source.tried == [*newest, IDS[1]]


def test_a_verified_point_among_the_newest_is_not_tried_twice() -> None:
    source = Source(known={IDS[-2]: WHOLE}, rotten=set(IDS))

    with pytest.raises(EnvironmentProblem, match="is whole"):
        source.restored()

    assert source.tried == [*reversed(IDS)][:POINTS_TRIED_MAX]


def test_where_all_are_known_to_be_damaged_none_is_tried() -> None:
    source = Source(known=dict.fromkeys(IDS, DAMAGED))

    with pytest.raises(EnvironmentProblem, match=IDS[-1]):
        source.restored()

    assert source.tried == []


def test_a_fault_of_the_site_is_never_answered_with_an_older_point_or_another_keepers() -> None:
    near, offsite = Source(site_is_full=True), Source(name="restic")
    keepers = [cast("Strategy", each) for each in (near, offsite)]

    with pytest.raises(SiteFault, match="no space left"):
        restore_newest_whole(keepers, Part.DR_AGENT, lambda _line: None)

    assert (near.tried, offsite.tried) == ([IDS[-1]], [])
