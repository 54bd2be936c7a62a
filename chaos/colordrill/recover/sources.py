"""Where a failover takes its recovery point from: the backup server, else off site."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from colordrill.backup.points import PointDamaged, RecoveryPoint
from colordrill.backup.rsync import NAME as NEAR
from colordrill.backup.strategy import Strategy
from colordrill.errors import EnvironmentProblem
from colordrill.recover.probes import configuration_of
from colordrill.recover.steps import StepDone
from colordrill.stack.parts import Part

POINTS_TRIED_MAX = 5
"""Of each source, and its newest verified one; who has as many damaged points in a row is not asked
for more."""

NO_POINT = "the backup server holds no recovery point"
ASK_FOR_COPIES = (
    "restore the off-site copy; where none is made, see docs/how-to/keep-copies-off-site.md"
)


@dataclass(frozen=True, slots=True)
class Restored:
    """What a site stands on.

    Attributes:
        point: the recovery point.
        detail: where it came from, and how much of it was verified.
        passed_over: points and sources that were no help, each with the reason.
    """

    point: str
    detail: str
    passed_over: tuple[str, ...]

    def step(self, mended: str) -> StepDone:
        """The step that it makes; *mended* is what had to be put right for it."""
        told = [mended] if mended else []
        told += [f"passed over {each}" for each in self.passed_over]
        return StepDone("; ".join([*told, self.detail]), self.point)


def newest_configuration(sources: Sequence[Strategy], say: Callable[[str], None]) -> dict[str, str]:
    """How the primary was configured, as the newest point of the first source that tells says.

    Raises:
        EnvironmentProblem: there is none; names what each of them lacks.
    """
    problems: list[EnvironmentProblem] = []
    for source in sources:
        try:
            return configuration_of(source, _points(source)[0])
        except EnvironmentProblem as problem:
            problems.append(problem)
            say(f"{source.name}: {problem.cause}")
    raise _none_left(problems)


def first_configuration(
    source: Strategy, points: Sequence[str], say: Callable[[str], None]
) -> dict[str, str]:
    """How the primary was configured, as the first of *points* says that tells it.

    Raises:
        EnvironmentProblem: none of the first few is; what the first one lacks.
    """
    problems: list[EnvironmentProblem] = []
    for point in points[:POINTS_TRIED_MAX]:
        try:
            return configuration_of(source, point)
        except EnvironmentProblem as problem:
            problems.append(problem)
            say(problem.cause)
    raise problems[0]


def restore_newest_whole(
    sources: Sequence[Strategy], agent: Part, say: Callable[[str], None]
) -> Restored:
    """Restore the newest whole point of the first source that has one into *agent*'s empty site.

    A source that cannot be reached is passed over, as damaged points are: what fails leaves the
    site empty.

    Raises:
        EnvironmentProblem: none could be restored; names what was tried.
    """
    passed_over: list[str] = []
    problems: list[EnvironmentProblem] = []
    for source in sources:
        try:
            return _restore_from(source, agent, passed_over, say)
        except EnvironmentProblem as problem:
            problems.append(problem)
            if isinstance(problem, NoneWhole):
                # each of its points was said already
                say(f"no point of {source.name} is whole")
            else:
                passed_over.append(f"{source.name}: {problem.cause}")
                say(f"{source.name} is no help: {problem.cause}")
    raise _none_left(problems)


class NoneWhole(EnvironmentProblem):
    """Each of the points that were tried is damaged.

    Args:
        kept_by: who keeps them.
        damaged: each with what is wrong with it.
    """

    def __init__(self, kept_by: str, damaged: Sequence[str]) -> None:
        super().__init__(
            f"none of the {len(damaged)} newest recovery points of {kept_by} is whole: "
            f"{'; '.join(damaged)}",
            ASK_FOR_COPIES,
        )
        self.damaged = tuple(damaged)


def _restore_from(
    source: Strategy, agent: Part, passed_over: list[str], say: Callable[[str], None]
) -> Restored:
    where = "" if source.name == NEAR else f" from off site ({source.name})"

    def restore(point: str) -> str:
        return f"{where}, {source.restore(agent, point)} files, every hash verified"

    try:
        found = restore_first_whole(_worth_trying(source), restore, say, source.name)
    except NoneWhole as problem:
        passed_over += problem.damaged
        raise
    return replace(found, passed_over=(*passed_over, *found.passed_over))


def restore_first_whole(
    points: Iterable[tuple[str, str]],
    restore: Callable[[str], str],
    say: Callable[[str], None],
    kept_by: str = NEAR,
) -> Restored:
    """Restore the first of *points* that is whole.

    Args:
        points: ids in the order in which they are tried, each with what is known to be wrong.
        restore: restores one and says how, for the record; raises PointDamaged where it is not
            whole.
        say: tells people how it goes.
        kept_by: who keeps the points.

    Raises:
        NoneWhole: none of them is.
        EnvironmentProblem: restoring failed for another reason.
    """
    damaged: list[str] = []
    for point, known in points:
        if known:
            damaged.append(f"{point}: {known}")
            say(f"recovery point {point} is known to be damaged, trying the one before")
            continue
        try:
            told = restore(point)
        except PointDamaged as error:
            damaged.append(f"{point}: {error.cause}")
            say(f"recovery point {point} is damaged, trying the one before")
            continue
        return Restored(point, f"recovery point {point}{told}", tuple(damaged))
    raise NoneWhole(kept_by, damaged)


def _worth_trying(source: Strategy) -> Iterator[tuple[str, str]]:
    """Ids of points, newest first, and what is known to be wrong with each.

    The newest that nothing is known to be wrong with, and the newest that was verified, however far
    back it is: damage that is nowhere known yet may be in all points since. Of those that are
    known to be damaged some are named.
    """
    tried, damaged, verified = 0, 0, False
    for each in _listed(source):
        whole = each.condition == "whole"
        if tried >= POINTS_TRIED_MAX and not (whole and not verified):
            continue
        if each.condition == "damaged":
            damaged += 1
            if damaged <= POINTS_TRIED_MAX:
                files = each.verified.damaged_files if each.verified else 0
                yield each.id, f"its last verification found {files} files damaged"
            continue
        tried, verified = tried + 1, verified or whole
        yield each.id, ""


def _points(source: Strategy) -> list[str]:
    """Ids of the source's recovery points, newest first; never none."""
    return [each.id for each in _listed(source)]


def _listed(source: Strategy) -> list[RecoveryPoint]:
    points = list(reversed(source.listed()))
    if not points:
        raise EnvironmentProblem(
            NO_POINT if source.name == NEAR else "there is no recovery point off site"
        )
    return points


def _none_left(problems: Sequence[EnvironmentProblem]) -> EnvironmentProblem:
    if len(problems) == 1:
        return problems[0]
    causes = "; ".join(problem.cause for problem in problems)
    return EnvironmentProblem(causes, problems[-1].next_step)
