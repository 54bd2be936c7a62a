"""`colordrill backup restore`: files of a recovery point are brought back, or laid out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from colordrill.backup.bringing_back import (
    BroughtBack,
    Choice,
    bring_back,
    digests_now,
    points_by,
    points_of_other_bytes,
    versions,
)
from colordrill.backup.laying_out import lay_out
from colordrill.backup.points import RecoveryPoint
from colordrill.backup.rsync import RsyncStrategy
from colordrill.clock import Clock, SystemClock
from colordrill.drill.assets import Assets, load_assets
from colordrill.drill.attached import AttachedStack, attached_stack, held
from colordrill.drill.incident import PURPOSE as RECOVER
from colordrill.drill.incident_world import public_client
from colordrill.drill.operating import operating
from colordrill.errors import EnvironmentProblem, UsageProblem
from colordrill.interrupts import interruptible
from colordrill.outcome import Verdict
from colordrill.record.journal import RESTORES, RunDirectory
from colordrill.recover.gateway import active_sites
from colordrill.recover.keepers import Candidates, Keeper
from colordrill.recover.sources import restore_first_whole
from colordrill.recover.steps import SERVICES, NoPicture, Operator, SiteNotJudged, SiteRefused
from colordrill.scenario.settings import Settings
from colordrill.stack.parts import AGENTS, Site, SiteFolder

HOLDER = "backup restore"
JUDGED = frozenset({SiteFolder.WORKFLOWS, SiteFolder.MODELS, SiteFolder.CONFIG})
"""What decides how a site colours."""


@dataclass(frozen=True, slots=True)
class RestoreOrder:
    """What an operator wants back.

    Attributes:
        paths: folders or files relative to the site; none: everything, which only `into` allows.
        choice: from which point.
        undo: from the newest point in which each of `paths`, all of them files, has other bytes
            than now.
        stack: the run id of the standing stack; None: the only one.
        site: where they come back.
        into: a directory of this machine that they are put into instead.
        dry_run: only say what would come.
        canaries: judge the site afterwards where what came back decides how it colours.
    """

    paths: tuple[str, ...] = ()
    choice: Choice = field(default_factory=Choice)
    undo: bool = False
    stack: str | None = None
    site: Site = Site.PRIMARY
    into: Path | None = None
    dry_run: bool = False
    canaries: bool = True


@dataclass(frozen=True, slots=True)
class Restoration:
    """What came of it; every field is a key of what ``--json`` prints.

    Attributes:
        stack: its run id.
        site: where files came back; None with `into`.
        into: the directory of this machine; None without it.
        dry_run: nothing was changed.
        point: from which recovery point.
        passed_over: newer points that were no help, each with the reason.
        same_since: with `undo` each file, and the oldest of the newest points in a row that hold
            the bytes that it had at the site; None where the newest point has others.
        brought: files that came, verified, or would come.
        overwrites: those of them that somebody had written since the point.
        newer: files that were left, because somebody has written them since.
        canaries: what was found; None where none were sent.
        verdict: of the canaries; ``pass`` where none are needed or wanted.
        record: the directory with their pictures.
    """

    stack: str
    site: str | None
    into: str | None
    dry_run: bool
    point: str
    passed_over: tuple[str, ...]
    same_since: Mapping[str, str | None]
    brought: tuple[str, ...]
    overwrites: tuple[str, ...]
    newer: tuple[str, ...]
    canaries: str | None
    verdict: Verdict
    record: str | None


def restore(
    settings: Settings, order: RestoreOrder, say: Callable[[str], None], clock: Clock | None = None
) -> Restoration:
    """Bring files back into a site, or into a directory of this machine.

    Args:
        settings: what the service is like, and where records go.
        order: what is wanted.
        say: tells people how it goes.
        clock: time and waiting; the system's by default.

    Raises:
        UsageProblem: what was asked for makes no sense; nothing was changed.
        PointDamaged: the point that was named or drawn is damaged; nothing was changed.
        EnvironmentProblem: the stack does not allow it; says what was changed, if anything.
    """
    if not order.paths and order.into is None:
        raise UsageProblem(
            "a whole point is not restored into a site that may hold data",
            "name what to bring back, as workflows or output/a.png; lay the point out with --into "
            "DIR; or bring the service back at the DR site with `colordrill recover`",
        )
    assets = load_assets(settings.service) if _wants_canaries(order) else None
    with interruptible(), ExitStack() as opened:
        stack = opened.enter_context(attached_stack(order.stack))
        if order.into is None:
            _weigh_site(stack, order.site, say)
            if not order.dry_run:
                opened.enter_context(held(stack.directory, RECOVER, HOLDER))
        return _Restore(settings, order, assets, stack, say, clock or SystemClock()).run()


def _wants_canaries(order: RestoreOrder) -> bool:
    touched = {path.split("/")[0] for path in order.paths}
    return order.into is None and order.canaries and not order.dry_run and bool(touched & JUDGED)


def _weigh_site(stack: AttachedStack, site: Site, say: Callable[[str], None]) -> None:
    """A cold DR site has to be empty for a recovery; a primary without users is worth a word."""
    try:
        active = active_sites(stack.target)
    except EnvironmentProblem:
        # the primary is repaired also where the gateway is down
        if site is Site.DR:
            raise
        return
    if site in active:
        return
    if site is Site.DR:
        raise UsageProblem(
            "the DR site is not in use: what is put there now would keep a recovery from it",
            "`colordrill recover` restores it as a whole; --into DIR only looks at a point",
        )
    say("the gateway sends nobody to the primary; the site that users are at is not changed")


@dataclass(slots=True)
class _Restore:
    settings: Settings
    order: RestoreOrder
    assets: Assets | None
    stack: AttachedStack
    say: Callable[[str], None]
    clock: Clock

    def run(self) -> Restoration:
        order = self.order
        keeper = Keeper(RsyncStrategy(self.stack.target))
        points, same_since = self._wanted(keeper)
        done, passed_over = self._brought(keeper, points)
        verdict, canaries, record = Verdict.PASS, None, None
        if self.assets is not None and {name.split("/")[0] for name in done.brought} & JUDGED:
            verdict, canaries, record = self._judge(self.assets)
        return Restoration(
            stack=self.stack.run_id,
            site=None if order.into else order.site.value,
            into=str(order.into) if order.into else None,
            dry_run=order.dry_run,
            point=done.point,
            passed_over=passed_over,
            same_since=same_since,
            brought=done.brought,
            overwrites=done.overwrites,
            newer=done.newer,
            canaries=canaries,
            verdict=verdict,
            record=record,
        )

    def _wanted(
        self, keeper: Keeper[RsyncStrategy]
    ) -> tuple[tuple[RecoveryPoint, ...], dict[str, str | None]]:
        """The points that may be taken, newest first, and with `undo` since when files are so."""
        order, target = self.order, self.stack.target
        points = points_by(order.choice, keeper.points())
        if not order.undo:
            return points, {}
        now = digests_now(target, AGENTS[order.site], order.paths)
        ids, same_since = points_of_other_bytes(versions(target, order.paths), now)
        return tuple(each for each in points if each.id in ids), same_since

    def _brought(
        self, keeper: Keeper[RsyncStrategy], points: tuple[RecoveryPoint, ...]
    ) -> tuple[BroughtBack, tuple[str, ...]]:
        """From the first of *points* that is whole, and what was passed over.

        There is no other in the place of a point that was named or drawn.
        """
        if self.order.choice.point is not None or self.order.choice.drawn:
            self.say(f"recovery point {points[0].id}")
            return self._from(points[0].id), ()
        done: list[BroughtBack] = []

        def bring(_source: RsyncStrategy, point: str) -> str:
            self.say(f"recovery point {point}")
            done.append(self._from(point))
            return f"{len(done[-1].brought)} files"

        found = restore_first_whole([Candidates(keeper, lambda _all: points)], bring, self.say)
        return done[-1], found.passed_over

    def _from(self, point: str) -> BroughtBack:
        order, target = self.order, self.stack.target
        if order.into is not None:
            names = lay_out(target, point, order.paths, order.into, dry_run=order.dry_run)
            return BroughtBack(point, names, (), ())
        agent = AGENTS[order.site]
        return bring_back(target, agent, point, order.paths, dry_run=order.dry_run)

    def _judge(self, assets: Assets) -> tuple[Verdict, str, str | None]:
        """What canaries say of the site, and where their pictures are.

        Whatever keeps them from an answer says nothing of the files, which are there.
        """
        site, target, record = self.order.site, self.stack.target, None
        self.say(f"canaries are sent to the site {site}")
        try:
            if not target.state(SERVICES[site]).running:
                told = f"the service of {site} does not run: nobody was asked"
                return Verdict.UNKNOWN, told, None
            with public_client(self.stack) as public:
                directory = RunDirectory.create(
                    self.settings.out / RESTORES, "restore", 1, self.clock.wall()
                )
                record = str(directory.path)
                with operating(
                    self.settings, assets, self.stack, public, directory, self.say, self.clock
                ) as operator:
                    return *_judged(operator, site), record
        except EnvironmentProblem as problem:
            return Verdict.UNKNOWN, f"the site could not be judged: {problem.cause}", record


def _judged(operator: Operator, site: Site) -> tuple[Verdict, str]:
    if not operator.canaries:
        return Verdict.UNKNOWN, "there are no goldens to judge the site by"
    try:
        # a service that runs may hold the earlier weights, and answers that it has coloured before
        operator.forget_models(site)
        return Verdict.PASS, operator.judge_site(site)
    except SiteNotJudged as problem:
        return Verdict.UNKNOWN, problem.cause
    except (SiteRefused, NoPicture) as problem:
        return Verdict.FAIL, problem.cause
