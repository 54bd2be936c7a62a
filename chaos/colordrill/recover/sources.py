"""Where a failover takes its recovery point from: the backup server, else off site."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from colordrill.backup.points import PointDamaged, RecoveryPoint
from colordrill.backup.rsync import NAME as NEAR
from colordrill.backup.strategy import Strategy
from colordrill.errors import EnvironmentProblem
from colordrill.recover.probes import configuration_of
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
            if isinstance(problem, _NoneWhole):
                # each of its points was said already
                say(f"no point of {source.name} is whole")
            else:
                passed_over.append(f"{source.name}: {problem.cause}")
                say(f"{source.name} is no help: {problem.cause}")
    raise _none_left(problems)


class _NoneWhole(EnvironmentProblem):
    """Each of a source's newest points is damaged."""


def _restore_from(
    source: Strategy, agent: Part, passed_over: list[str], say: Callable[[str], None]
) -> Restored:
    damaged: list[str] = []
    for point, known in _worth_trying(source):
        if known:
            damaged.append(f"{point}: {known}")
            passed_over.append(damaged[-1])
            say(f"recovery point {point} is known to be damaged, trying the one before")
            continue
        try:
            files = source.restore(agent, point)
        except PointDamaged as error:
            damaged.append(f"{point}: {error.cause}")
            passed_over.append(damaged[-1])
            say(f"recovery point {point} is damaged, trying the one before")
            continue
        where = "" if source.name == NEAR else f" from off site ({source.name})"
        detail = f"recovery point {point}{where}, {files} files, every hash verified"
        return Restored(point, detail, tuple(passed_over))
    raise _NoneWhole(
        f"none of the {len(damaged)} newest recovery points of {source.name} is whole: "
        f"{'; '.join(damaged)}",
        ASK_FOR_COPIES,
    )


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
