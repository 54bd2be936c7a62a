"""Lends stacks to drills: one at a time, used again where it is proven clean, else built anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from colordrill.clock import Clock, seconds_between
from colordrill.drill.assets import Assets
from colordrill.drill.clean import (
    Baseline,
    make_clean,
    make_durable,
    prove_clean,
    take_baseline,
)
from colordrill.drill.provision import configuration_text
from colordrill.drill.standing import HealthyStack, healthy_stack, images_for, keep_logs, plan_for
from colordrill.errors import EnvironmentProblem
from colordrill.interrupts import shielded
from colordrill.scenario.fault_spec import StackKind
from colordrill.scenario.settings import Settings
from colordrill.stack.disk import not_on_disk, why_no_disk
from colordrill.stack.runs import OWNER_LABEL, RUN_LABEL, owned_run, owner
from colordrill.stack.target import Target

CALIBRATIONS = 2
"""In a series, of each kind of stack: the first one has to warm it up."""

_Key = tuple[StackKind, tuple[Path, ...]]


@dataclass(slots=True)
class _Standing:
    """The stack that stands, what kind it is, and how it was when it was new."""

    key: _Key
    healthy: HealthyStack
    baseline: Baseline
    held: ExitStack


@dataclass(slots=True)
class Stacks:
    """The stacks of a series of drills; the last one is removed when the series ends.

    Attributes:
        settings: what the user chose; the same for the whole series.
        clock: bounds the waits.
    """

    settings: Settings
    clock: Clock
    _images: dict[str, str] = field(init=False, default_factory=dict)
    _standing: _Standing | None = field(init=False, default=None)
    _calibrations: dict[_Key, list[dict[str, float]]] = field(init=False, default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Remove what stands, unless it is to be kept."""
        self.remove()

    def images(self, say: Callable[[str], None]) -> dict[str, str]:
        """The reference of every image; built when missing, once for the series."""
        if not self._images:
            self._images = images_for(self.settings, say)
        return self._images

    def calibrated(
        self,
        kind: StackKind,
        overlays: tuple[Path, ...],
        measure: Callable[[], dict[str, float]],
    ) -> Sequence[dict[str, float]]:
        """What *measure* found on stacks of this kind; the first drills of a series take part."""
        found = self._calibrations.setdefault((kind, overlays), [])
        if len(found) < CALIBRATIONS:
            found.append(measure())
        return found

    def remove(self) -> None:
        """Remove what stands."""
        with shielded():
            standing, self._standing = self._standing, None
            if standing is not None:
                standing.held.close()

    @contextmanager
    def lent(
        self,
        kind: StackKind,
        overlays: tuple[Path, ...],
        assets: Assets,
        logs: Path,
        say: Callable[[str], None],
    ) -> Iterator[HealthyStack]:
        """A healthy stack for one drill.

        Args:
            kind: on what the primary's data lie.
            overlays: compose files of a red twin.
            assets: the primary's data.
            logs: a directory that gets every container's log of this drill.
            say: tells people how it goes.

        Raises:
            EnvironmentProblem: something did not come up.
        """
        key = (kind, overlays)
        if self._standing is not None and self._standing.key != key:
            self.remove()
        standing = self._standing or self._build(key, assets, say)
        since = self.clock.wall()
        try:
            yield standing.healthy
        except BaseException:
            self._end(standing, logs, since)
            raise
        with shielded():
            keep_logs(standing.healthy.target, logs, since)
        # one that is kept is left as the drill left it, for a person; the next drill gets another
        if self.settings.keep or not self._is_clean(standing, assets, say):
            self.remove()

    def _end(self, standing: _Standing, logs: Path, since: datetime) -> None:
        with shielded():
            keep_logs(standing.healthy.target, logs, since)
            self.remove()

    def _build(
        self,
        key: _Key,
        assets: Assets,
        say: Callable[[str], None],
    ) -> _Standing:
        images = self.images(say)
        if key[0] is StackKind.DISK:
            _refuse_incapable(images["host"])
        plan = plan_for(self.settings, images, key[1], key[0])
        with ExitStack() as building:
            healthy = building.enter_context(healthy_stack(plan, assets, say, self.clock))
            if key[0] is StackKind.DISK:
                _refuse_without_disk(healthy.target)
                make_durable(healthy.target)
            baseline = take_baseline(healthy.target)
            self._standing = _Standing(key, healthy, baseline, building.pop_all())
        return self._standing

    def _is_clean(self, standing: _Standing, assets: Assets, say: Callable[[str], None]) -> bool:
        began_ns = self.clock.now_ns()
        configuration = configuration_text(
            self._images, self.settings.device, self.settings.service
        )
        target = standing.healthy.target
        try:
            make_clean(
                target,
                standing.healthy.client,
                self.clock,
                assets,
                configuration,
                standing.baseline,
            )
            if standing.key[0] is StackKind.DISK:
                make_durable(target)
            problems = prove_clean(target, standing.baseline)
        except EnvironmentProblem as error:
            problems = (str(error),)
        if problems:
            say(f"the stack is not used again: {'; '.join(problems[:3])}")
            return False
        took_s = seconds_between(began_ns, self.clock.now_ns())
        say(f"the stack is as it was when it was new ({took_s:.1f} s)")
        return True


def _refuse_incapable(host_image: str) -> None:
    with owned_run() as run:
        why = why_no_disk(host_image, {RUN_LABEL: run.id, OWNER_LABEL: owner()})
    if why:
        raise EnvironmentProblem(
            f"this host cannot carry a virtual disk: {why}",
            "run this drill on a Linux host whose engine allows privileged containers; see "
            "docs/reference/host.md",
        )


def _refuse_without_disk(target: Target) -> None:
    elsewhere = not_on_disk(target)
    if elsewhere:
        raise EnvironmentProblem(
            f"the primary's data are not on the virtual disk: {'; '.join(elsewhere[:3])}",
            "a drill of power loss would lose nothing; see docs/reference/host.md",
        )
