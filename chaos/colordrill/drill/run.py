"""Runs one drill from nothing to its record."""

from __future__ import annotations

import hashlib
import shlex
import shutil
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from colordrill.clock import Clock, SystemClock, seconds_between
from colordrill.drill.assets import Assets, load_assets
from colordrill.drill.facts import environment_facts
from colordrill.drill.golden_files import refuse_missing_goldens
from colordrill.drill.leftovers import heal_leftovers
from colordrill.drill.provision import calibrate, configuration_text, fitted, place_canaries
from colordrill.drill.stacks import Stacks
from colordrill.drill.timed import TimedDrill
from colordrill.drill.weights import weights_of
from colordrill.errors import ColordrillError, RecordProblem
from colordrill.fault.injection import refuse_unsupported
from colordrill.fault.ledger import Ledger
from colordrill.fault.planned import Planned
from colordrill.fault.registry import build_fault
from colordrill.fault.sabotage import Sabotage, find_sabotage
from colordrill.history import Event, History
from colordrill.interrupts import interruptible, shielded
from colordrill.outcome import Verdict
from colordrill.record.journal import RunDirectory
from colordrill.record.model import DrillFacts, build_record
from colordrill.record.write import write_all
from colordrill.recover.webhook import notifying
from colordrill.scenario.model import Pace, Scenario
from colordrill.scenario.settings import Settings
from colordrill.stack.docker_target import DockerTarget
from colordrill.stack.parts import Part
from colordrill.stack.runs import timed_phase
from colordrill.stack.sweep import sweep
from colordrill.verify.conclude import conclude
from colordrill.workload.canary import CanaryRunner
from colordrill.workload.scoring import ScoringWorker, peak_memory_mb

FREE_MB_MIN = 500
PARTICIPANTS = (
    "colordrill (operator, clients and judge)",
    "primary site",
    "DR site",
    "gateway",
    "backup server",
)


@dataclass(frozen=True, slots=True)
class DrillResult:
    """What a drill left.

    Attributes:
        directory: the run's directory.
        record: as written to record.json.
        error: what ended the drill early, None when it went to its end.
    """

    directory: Path
    record: dict[str, Any]
    error: BaseException | None

    @property
    def verdict(self) -> Verdict:
        """The record's verdict."""
        return Verdict(self.record["verdict"])


@dataclass(slots=True)
class Drill:
    """One drill of one scenario.

    Attributes:
        scenario: with settings applied.
        settings: what the user chose.
        say: tells people how it goes.
        stacks: of the series that this drill belongs to; None: it has a stack of its own.
        clock: time and waiting.
    """

    scenario: Scenario
    settings: Settings
    say: Callable[[str], None]
    stacks: Stacks | None = None
    clock: Clock = field(default_factory=SystemClock)
    _events: list[Event] = field(init=False, default_factory=list)
    _measurements: dict[str, float | None] = field(init=False, default_factory=dict)
    _images: dict[str, str] = field(init=False, default_factory=dict)

    def run(self) -> DrillResult:
        """Prepare, run, heal, remove, conclude, record; a partial record also when interrupted.

        Raises:
            UsageProblem: the scenario cannot be resolved; nothing was started.
            EnvironmentProblem: the machine or the data do not allow it; nothing was started.
            RecordProblem: the record could not be written.
        """
        faults = [Planned(spec, build_fault(spec)) for spec in self.scenario.faults]
        sabotage = (
            None if self.scenario.sabotage is None else find_sabotage(self.scenario.sabotage.name)
        )
        assets = load_assets(self.settings.service)
        with interruptible(), ExitStack() as own:
            heal_leftovers(self.say)
            sweep(self.say)
            stacks = self.stacks or own.enter_context(Stacks(self.settings, self.clock))
            self._images = stacks.images(self.say)
            refuse_full_disk(self.settings.out)
            started_ns, started_at = self.clock.now_ns(), self.clock.wall()
            directory = RunDirectory.create(
                self.settings.out, self.scenario.name, self.settings.seed, started_at
            )
            self.say(f"record: {directory.path}")
            error: BaseException | None = None
            try:
                self._run_on_a_stack(stacks, directory, assets, faults, sabotage)
                if self.stacks is None:
                    own.close()
            except (Exception, KeyboardInterrupt) as problem:  # noqa: BLE001 (reported, exit 4)
                error = problem
            with shielded():
                own.close()
                self._measurements["wall_s"] = seconds_between(started_ns, self.clock.now_ns())
                self._measurements["harness_rss_mb"] = peak_memory_mb()
                record = self._write_record(directory, started_at, error)
        return DrillResult(directory.path, record, error)

    def _run_on_a_stack(
        self,
        stacks: Stacks,
        directory: RunDirectory,
        assets: Assets,
        faults: list[Planned],
        sabotage: Sabotage | None,
    ) -> None:
        overlay = None if sabotage is None else sabotage.overlay_path
        overlays = () if overlay is None else (overlay,)
        with ExitStack() as stack:
            history = stack.enter_context(History(directory.history, self.clock))
            history.listen(self._events.append)
            scoring = stack.enter_context(
                ScoringWorker(history, directory.path, self.scenario.objectives)
            )
            # before the stack: what is left is sent while the stack is being removed
            notifier = stack.enter_context(
                notifying(self.settings.notify, directory.path.name, history, self.clock, self.say)
            )
            healthy = stack.enter_context(
                stacks.lent(self.scenario.stack, overlays, assets, directory.logs, self.say)
            )
            target, client = healthy.target, healthy.client
            refuse_unsupported(faults, target)
            refuse_missing_goldens(
                assets,
                lambda: weights_of(target, assets.service),
                client,
                self.clock,
                self.settings,
            )
            canaries = place_canaries(
                assets,
                client,
                self.clock,
                directory.path,
                self.scenario.objectives,
                self.settings.seed,
            )
            runner = CanaryRunner(history, self.clock, scoring, directory.path)
            with timed_phase(self.clock, self.say):
                measure = partial(calibrate, canaries, client, runner, self.clock)
                measured = stacks.calibrated(self.scenario.stack, overlays, measure)
                self._fit_pace(fitted(self.scenario.pace, canaries, measured), history)
                for planned, spec in zip(faults, self.scenario.faults, strict=True):
                    planned.spec = spec
                TimedDrill(
                    scenario=self.scenario,
                    faults=faults,
                    sabotage=sabotage,
                    target=target,
                    client=client,
                    history=history,
                    events=self._events,
                    clock=self.clock,
                    scoring=scoring,
                    runner=runner,
                    canaries=canaries,
                    photos=assets.photos,
                    workflows=assets.workflows,
                    service_port=assets.service.port,
                    seed=self.settings.seed,
                    say=self.say,
                    ledger=Ledger(healthy.directory),
                    notifier=notifier,
                ).run()
            self._measure(target, scoring)

    def _fit_pace(self, pace: Pace, history: History) -> None:
        """Stretch the arrivals on a slow host; verdict and record use the pace in force."""
        asked = self.scenario.pace
        if pace != asked:
            stretch = pace.canary_interval_s / asked.canary_interval_s
            self.say(f"this host is slow: arrivals and outages are stretched {stretch:.2f} times")
            self.scenario = self.scenario.stretched(stretch)
        self._measurements["canary_interval_s"] = pace.canary_interval_s
        self.scenario = replace(self.scenario, pace=pace)
        history.note(
            "scenario",
            name=self.scenario.name,
            pace=asdict(pace),
            objectives=asdict(self.scenario.objectives),
            scenario=asdict(self.scenario),
        )

    def _measure(self, target: DockerTarget, scoring: ScoringWorker) -> None:
        """Figures of the summary; one that cannot be had is None and changes no verdict."""
        for name, measure in (
            ("scoring_rss_mb", scoring.peak_memory_mb),
            ("container_rss_mb", partial(target.memory_mb, Part.DR_COLORIZATION)),
        ):
            self._measurements[name] = None
            with suppress(Exception):
                self._measurements[name] = measure()

    def _write_record(
        self, directory: RunDirectory, started_at: datetime, error: BaseException | None
    ) -> dict[str, Any]:
        config = configuration_text(self._images, self.settings.device, self.settings.service)
        drill = DrillFacts(
            id=directory.path.name,
            scenario=self.scenario.name,
            seed=self.settings.seed,
            profile=self.settings.profile,
            started_at=started_at,
            finished_at=self.clock.wall(),
            command=self._command(),
        )
        record = build_record(
            drill=drill,
            environment=environment_facts(
                self._images, hashlib.sha256(config.encode()).hexdigest()
            ),
            scenario=self.scenario,
            outcome=conclude(self._events, self.scenario),
            events=self._events,
            participants=PARTICIPANTS,
            problems=_problems(error),
            measurements=self._measurements,
        )
        write_all(directory, record, self._events)
        return record

    def _command(self) -> str:
        return shlex.join(["colordrill", "run", self.scenario.name, *self.settings.words()])


def refuse_full_disk(out: Path) -> None:
    """A drill that cannot write its history must not begin."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        free_mb = shutil.disk_usage(out).free / 1e6
    except OSError as error:
        raise RecordProblem(
            f"records cannot be written to {out}: {error}", "choose another directory with --out"
        ) from error
    if free_mb < FREE_MB_MIN:
        raise RecordProblem(
            f"{out} has {free_mb:.0f} MB free, a drill needs {FREE_MB_MIN}",
            "free some space, or choose another directory with --out",
        )


def _problems(error: BaseException | None) -> list[str]:
    if error is None:
        return []
    if isinstance(error, KeyboardInterrupt):
        return ["the drill was interrupted; this record is partial"]
    if isinstance(error, ColordrillError):
        return [f"the drill ended early: {error}"]
    return [f"the harness crashed, which is a defect of colordrill: {error!r}"]
