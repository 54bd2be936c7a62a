"""Where a recovery takes its point from: the backup server, else off site."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from colordrill.backup.points import PointDamaged, SiteFault, SiteHoldsData
from colordrill.backup.rsync import NAME as NEAR
from colordrill.backup.strategy import Strategy
from colordrill.errors import EnvironmentProblem
from colordrill.recover.keepers import ASK_FOR_COPIES, POINTS_TRIED_MAX, Candidates, Keeper, Kind
from colordrill.recover.probes import configuration_of
from colordrill.recover.steps import StepDone
from colordrill.stack.parts import Part


@dataclass(frozen=True, slots=True)
class Restored:
    """What a site stands on.

    Attributes:
        point: the recovery point.
        kept_by: who keeps it.
        detail: where it came from, and how much of it was verified.
        passed_over: points and sources that were no help, each with the reason.
    """

    point: str
    kept_by: str
    detail: str
    passed_over: tuple[str, ...]

    def step(self, mended: str) -> StepDone:
        """The step that it makes; *mended* is what had to be put right for it."""
        told = [mended] if mended else []
        told += [f"passed over {each}" for each in self.passed_over]
        return StepDone("; ".join([*told, self.detail]), self.point)


def place_of(kept_by: str) -> str:
    """Where that keeper keeps its points, for people."""
    return "on the backup server" if kept_by == NEAR else f"off site ({kept_by})"


def newest_configuration(sources: Sequence[Strategy], say: Callable[[str], None]) -> dict[str, str]:
    """How the primary was configured, as the newest point of the first source that tells says.

    Raises:
        EnvironmentProblem: there is none; names what each of them lacks.
    """
    return first_configuration([Candidates(Keeper(each)) for each in sources], say, tried_max=1)


def first_configuration(
    candidates: Sequence[Candidates[Kind]],
    say: Callable[[str], None],
    tried_max: int = POINTS_TRIED_MAX,
) -> dict[str, str]:
    """How the primary was configured, as the first of the *candidates* says that tells it.

    Args:
        candidates: of each keeper, the one that is asked first at the front.
        say: tells people who was no help.
        tried_max: so many points of each are asked.

    Raises:
        EnvironmentProblem: none tells it; names what each of them lacks.
    """
    problems: list[EnvironmentProblem] = []
    for each in candidates:
        try:
            return _configuration(each, say, tried_max)
        except EnvironmentProblem as problem:
            problems.append(problem)
            say(f"{each.keeper.name} does not tell how the primary was: {problem.cause}")
    raise none_left(problems)


def _configuration(
    candidates: Candidates[Kind], say: Callable[[str], None], tried_max: int
) -> dict[str, str]:
    problems: list[EnvironmentProblem] = []
    for each in candidates.points()[:tried_max]:
        try:
            return configuration_of(candidates.keeper.source, each.id)
        except EnvironmentProblem as problem:
            problems.append(problem)
            say(problem.cause)
    raise problems[0]


def restore_newest_whole(
    sources: Sequence[Strategy], agent: Part, say: Callable[[str], None]
) -> Restored:
    """Restore the newest whole point of the first source that has one into *agent*'s empty site.

    Raises:
        EnvironmentProblem: none could be restored; names what was tried.
    """

    def restore(source: Strategy, point: str) -> str:
        return f"{source.restore(agent, point)} files, every hash verified"

    return restore_first_whole([Candidates(Keeper(each)) for each in sources], restore, say)


def restore_first_whole(
    candidates: Sequence[Candidates[Kind]],
    restore: Callable[[Kind, str], str],
    say: Callable[[str], None],
) -> Restored:
    """Restore the first whole point of the first keeper that has one.

    A keeper that cannot be reached is passed over, as damaged points are.

    Args:
        candidates: of each keeper, the one that is tried first at the front.
        restore: restores a point and says how, for the record; raises PointDamaged where it is not
            whole, SiteHoldsData where nobody may restore anything, SiteFault where nobody can.
        say: tells people how it goes.

    Raises:
        SiteHoldsData: the site is somebody's.
        SiteFault: the site cannot be written or read: that is no reason for an older point.
        EnvironmentProblem: none could be restored; names what was tried.
    """
    passed_over: list[str] = []
    problems: list[EnvironmentProblem] = []
    for each in candidates:
        try:
            return _restore_from(each, restore, passed_over, say)
        except (SiteHoldsData, SiteFault):
            raise
        except EnvironmentProblem as problem:
            problems.append(problem)
            if isinstance(problem, NoneWhole):
                # each of its points was said already
                say(f"no point of {each.keeper.name} is whole")
            else:
                passed_over.append(f"{each.keeper.name}: {problem.cause}")
                say(f"{each.keeper.name} is no help: {problem.cause}")
    raise none_left(problems)


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


def _restore_from(
    candidates: Candidates[Kind],
    restore: Callable[[Kind, str], str],
    passed_over: list[str],
    say: Callable[[str], None],
) -> Restored:
    """The first of *candidates* that is whole; those before it are added to *passed_over*."""
    source = candidates.keeper.source
    where = "" if source.name == NEAR else f" from {place_of(source.name)}"
    damaged: list[str] = []
    try:
        for point, known in candidates.worth_trying():
            if known:
                damaged.append(f"{point}: {known}")
                say(f"recovery point {point} is known to be damaged, trying the one before")
                continue
            try:
                told = restore(source, point)
            except PointDamaged as error:
                damaged.append(f"{point}: {error.cause}")
                say(f"recovery point {point} is damaged, trying the one before")
                continue
            detail = f"recovery point {point}{where}, {told}"
            return Restored(point, source.name, detail, (*passed_over, *damaged))
        raise NoneWhole(source.name, damaged)
    finally:
        passed_over += damaged


def none_left(problems: Iterable[EnvironmentProblem]) -> EnvironmentProblem:
    """One problem that names all of *problems*."""
    found = list(problems)
    if len(found) == 1:
        return found[0]
    return EnvironmentProblem("; ".join(each.cause for each in found), found[-1].next_step)
