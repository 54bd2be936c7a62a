"""Settings of a run, and plans of backups and readiness: file, environment, options."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from colordrill.errors import UsageProblem
from colordrill.scenario import backup_plan, readiness_plan
from colordrill.scenario.backup_plan import BackupPlan, build_backup_plan
from colordrill.scenario.configuration import (
    OVERRIDES,
    PROFILES,
    SETTINGS,
    Said,
    from_environment,
    from_file,
    from_options,
)
from colordrill.scenario.fault_spec import StrategyKind
from colordrill.scenario.model import Scenario
from colordrill.scenario.notify import NotifySpec, build_notify
from colordrill.scenario.readiness_plan import ReadinessPlan, build_readiness_plan
from colordrill.scenario.service import ServiceSpec
from colordrill.scenario.service_values import build_service
from colordrill.scenario.tables import Table

CONFIG_FILE = "colordrill.toml"
OPTIONS = "the options"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a user may choose; every field is an option, ``COLORDRILL_<FIELD>`` and a file's key.

    Attributes:
        profile: ``gate`` (tight and short) or ``nightly`` (the same with longer observation).
        seed: draws photos, crops and their order.
        image: another colorization image than the bundled reference service.
        device: ``cpu`` or ``cuda``.
        strategy: how drills that fail over keep their recovery points; None: as each one says.
        out: where run directories go.
        keep: leave the stack standing.
        overrides: ``pace.NAME`` or ``objectives.NAME`` to value.
        service_values: what was said of the service, key to text, as the table ``[service]``.
        notify: who gets notices of a recovery; None: nobody. There is no option for it, and no
            record holds it.
        service: what was said of the service means this, on *image*.
    """

    profile: str = "gate"
    seed: int = 1
    image: str | None = None
    device: str = "cpu"
    strategy: str | None = None
    out: Path = Path("runs")
    keep: bool = False
    overrides: Mapping[str, float] = field(default_factory=dict)
    service_values: Mapping[str, str] = field(default_factory=dict)
    notify: NotifySpec | None = None
    service: ServiceSpec = field(init=False)

    def __post_init__(self) -> None:
        """Refuse what no drill could use."""
        SETTINGS.read({key: getattr(self, key) for key in SETTINGS.kinds}, "the settings")
        service = build_service(self.service_values, self.image)
        # the dataclass is frozen for everybody else
        object.__setattr__(self, "service", service)

    def words(self) -> list[str]:
        """The options of the command line that mean these settings again; what a record repeats."""
        words = ["--seed", str(self.seed), "--profile", self.profile, "--device", self.device]
        if self.image:
            words += ["--image", self.image]
        if self.strategy:
            words += ["--strategy", self.strategy]
        for key, text in self.service_values.items():
            words += ["--service", f"{key}={text}"]
        for key, value in self.overrides.items():
            words += ["--set", f"{key}={value!r}"]
        return words

    def apply(self, scenario: Scenario) -> Scenario:
        """*scenario* with the profile and the overrides laid over it, by the chosen strategy.

        Raises:
            UsageProblem: an override names nothing, its value is refused, or the scenario is a red
                twin that only the bundled service, or another strategy, can play.
        """
        if self.image and scenario.bundled_only:
            raise UsageProblem(
                f"{scenario.name} breaks a part of the bundled service; {self.image} has no such",
                "run it without --image",
            )
        sabotage = scenario.sabotage
        if self.image and sabotage is not None and sabotage.bundled_only:
            raise UsageProblem(
                f"{scenario.name} replaces a part of the bundled service; {self.image} has no such",
                "run it without --image; the drill itself runs on any image",
            )
        if self.strategy is not None:
            scenario = scenario.kept_by(StrategyKind(self.strategy))
        changed: dict[str, dict[str, Any]] = {
            "pace": dict(PROFILES[self.profile]),
            "objectives": {},
        }
        for key, value in OVERRIDES.read(self.overrides, "the settings").items():
            table, _, name = key.partition(".")
            changed[table][name] = value
        return replace(
            scenario,
            pace=replace(scenario.pace, **changed["pace"]),
            objectives=replace(scenario.objectives, **changed["objectives"]),
        )


def load_settings(
    options: Mapping[str, Any], directory: Path, ini: Mapping[str, Any] = MappingProxyType({})
) -> Settings:
    """Settings from *ini*, *directory*/colordrill.toml, environment and *options*; later wins.

    Args:
        options: field name to value; None means not given.
        directory: where the configuration file is looked for.
        ini: the same of pytest's own configuration file.

    Raises:
        UsageProblem: the file is malformed, a key is unknown, or a value has the wrong type.
    """
    given = {key: value for key, value in ini.items() if value}
    return _merged(
        from_options(given, "pytest's configuration"),
        from_file(directory / CONFIG_FILE),
        from_environment(os.environ),
        from_options(options, OPTIONS),
    )


def settings_of(options: Mapping[str, Any]) -> Settings:
    """Settings from *options* alone, as a recorded command has them; nothing else counts.

    Raises:
        UsageProblem: as `load_settings`.
    """
    return _merged(from_options(options, "the command"))


def load_backup_plan(options: Mapping[str, Any], directory: Path) -> BackupPlan:
    """The plan of *directory*/colordrill.toml, the environment and *options*; later wins.

    Args:
        options: key of the table ``[backup]`` to text or value; None means not given.
        directory: where the configuration file is looked for.

    Raises:
        UsageProblem: the file is malformed, a key is unknown, or a value cannot be.
    """
    said = from_file(directory / CONFIG_FILE).backup
    return build_backup_plan(_laid_over(said, backup_plan.TABLE, options))


def load_readiness_plan(options: Mapping[str, Any], directory: Path) -> ReadinessPlan:
    """The plan of *directory*/colordrill.toml, the environment and *options*; later wins.

    Args:
        options: key of the table ``[readiness]`` to text or value; None means not given.
        directory: where the configuration file is looked for.

    Raises:
        UsageProblem: the file is malformed, a key is unknown, or a value cannot be.
    """
    said = from_file(directory / CONFIG_FILE).readiness
    return build_readiness_plan(_laid_over(said, readiness_plan.TABLE, options))


def _laid_over(said: Mapping[str, Any], table: Table, options: Mapping[str, Any]) -> dict[str, Any]:
    """What the file *said* of *table*, the environment and *options*; later wins."""
    return {**said, **table.from_variables(os.environ), **table.read(options, OPTIONS)}


def _merged(*sources: Said) -> Settings:
    chosen: dict[str, Any] = {}
    overrides: dict[str, float] = {}
    service: dict[str, str] = {}
    for each in sources:
        chosen.update(each.settings)
        overrides.update(each.overrides)
        service.update(each.service)
    return Settings(
        **chosen,
        overrides=overrides,
        service_values=service,
        notify=build_notify(*(each.notify for each in sources)),
    )
