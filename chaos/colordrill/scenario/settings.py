"""Settings of a run: defaults, then the configuration file, the environment, the options."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from colordrill.errors import UsageProblem
from colordrill.scenario import notify as notices
from colordrill.scenario.fault_spec import StrategyKind
from colordrill.scenario.model import Objectives, Pace, Scenario
from colordrill.scenario.notify import NotifySpec
from colordrill.scenario.service import ServiceSpec
from colordrill.scenario.service_values import build_service, from_table, from_variables

CONFIG_FILE = "colordrill.toml"
ENVIRONMENT_PREFIX = "COLORDRILL_"
SERVICE_PREFIX = f"{ENVIRONMENT_PREFIX}SERVICE_"
PROFILES: Mapping[str, Mapping[str, float | int]] = {
    "gate": {},
    "nightly": {"steady_canaries": 12, "points_before_fault": 6, "stability_s": 30.0},
}
_WANTED: Mapping[str, str] = {
    "profile": "text",
    "image": "text",
    "device": "text",
    "strategy": "text",
    "out": "a path",
    "seed": "a whole number",
    "keep": "true or false",
}
_PATH_KEYS = frozenset({"goldens", "workflows", "checkpoint_file"})
_NO_PATHS = frozenset({"bundled", "image"})
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})


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
        if self.profile not in PROFILES:
            raise UsageProblem(
                f"there is no profile {self.profile!r}", f"profiles: {', '.join(PROFILES)}"
            )
        if self.device not in {"cpu", "cuda"}:
            raise UsageProblem(f"device must be cpu or cuda, not {self.device!r}")
        if self.strategy is not None and self.strategy not in set(StrategyKind):
            raise UsageProblem(
                f"there is no strategy {self.strategy!r}", f"strategies: {', '.join(StrategyKind)}"
            )
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
        pace: dict[str, Any] = dict(PROFILES[self.profile])
        objectives: dict[str, Any] = {}
        tables: dict[str, tuple[dict[str, Any], type]] = {
            "pace": (pace, Pace),
            "objectives": (objectives, Objectives),
        }
        for key, value in self.overrides.items():
            table, _, name = key.partition(".")
            if table not in tables or name not in {f.name for f in fields(tables[table][1])}:
                raise UsageProblem(f"there is nothing called {key!r} to set", _settable())
            kind = {f.name: f.type for f in fields(tables[table][1])}[name]
            if kind == "int" and not float(value).is_integer():
                raise UsageProblem(f"{key} must be a whole number, not {value!r}")
            tables[table][0][name] = int(value) if kind == "int" else value
        return replace(
            scenario,
            pace=replace(scenario.pace, **pace),
            objectives=replace(scenario.objectives, **objectives),
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
    return _merged(
        ("pytest's configuration", {key: value for key, value in ini.items() if value}),
        (CONFIG_FILE, _from_file(directory / CONFIG_FILE)),
        ("the environment", _from_environment(os.environ)),
        ("the options", options),
    )


def settings_of(options: Mapping[str, Any]) -> Settings:
    """Settings from *options* alone, as a recorded command has them; nothing else counts.

    Raises:
        UsageProblem: as `load_settings`.
    """
    return _merged(("the command", options))


def _merged(*sources: tuple[str, Mapping[str, Any]]) -> Settings:
    chosen: dict[str, Any] = {}
    overrides: dict[str, float] = {}
    service: dict[str, str] = {}
    notify: list[Mapping[str, str]] = []
    for source, values in sources:
        for key, value in values.items():
            if key == "overrides":
                overrides.update(
                    {name: _number(source, name, each) for name, each in value.items()}
                )
            elif key == "service_values":
                service.update(value)
            elif key == "notify":
                notify.append(value)
            elif value is not None:
                chosen[key] = _typed(source, key, value)
    return Settings(
        **chosen,
        overrides=overrides,
        service_values=service,
        notify=notices.build_notify(*notify),
    )


def read_configuration(path: Path) -> dict[str, Any]:
    """The content of a configuration file; empty where there is none.

    Raises:
        UsageProblem: it cannot be read, or is no TOML.
    """
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageProblem(f"{path} cannot be read: {error}", "mend it or remove it") from error


def _from_file(path: Path) -> dict[str, Any]:
    content = read_configuration(path)
    # of `colordrill backup`, which reads it itself
    content.pop("backup", None)
    # of `colordrill readiness`, which reads it itself
    content.pop("readiness", None)
    overrides = {}
    for table in ("pace", "objectives"):
        values = content.pop(table, {})
        if not isinstance(values, dict):
            raise UsageProblem(f"{path}: {table} = {values!r} is not a table", _settable())
        overrides.update({f"{table}.{name}": value for name, value in values.items()})
    for name in ("overrides", "service_values"):
        if name in content:
            raise UsageProblem(f"{path}: {name} is not a setting", _settable())
    service = from_table(content.pop("service", {}), str(path))
    anchored = {key: _anchored(key, value, path.parent) for key, value in service.items()}
    told = {"notify": notices.from_table(content.pop("notify", {}), path)}
    return {**content, **told, "overrides": overrides, "service_values": anchored}


def _anchored(key: str, value: str, directory: Path) -> str:
    """A path of a file is meant from where the file lies."""
    is_path = key in _PATH_KEYS and value not in _NO_PATHS
    return str(directory / value) if is_path and directory != Path.cwd() else value


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "service_values": from_variables(environment, SERVICE_PREFIX),
        "notify": notices.from_variables(environment),
    }
    for name in _WANTED:
        value = environment.get(ENVIRONMENT_PREFIX + name.upper())
        if value:
            found[name] = value
    return found


def _typed(source: str, key: str, value: Any) -> Any:
    if key in {"profile", "image", "device", "strategy"} and isinstance(value, str):
        return value
    if key == "out" and isinstance(value, str | Path):
        return Path(value)
    if key == "seed" and isinstance(value, int | str) and not isinstance(value, bool):
        with suppress(ValueError):
            return int(value)
    if key == "keep":
        if isinstance(value, bool):
            return value
        if str(value).lower() in _TRUE | _FALSE:
            return str(value).lower() in _TRUE
    if key in _WANTED:
        raise UsageProblem(f"{source}: {key} must be {_WANTED[key]}, not {value!r}")
    raise UsageProblem(
        f"{source}: there is no setting {key}", f"settings: {', '.join(_WANTED)}; {_settable()}"
    )


def _number(source: str, name: str, value: Any) -> float:
    try:
        if isinstance(value, bool):
            raise TypeError("a truth value is no number")
        return float(value)
    except (TypeError, ValueError) as error:
        raise UsageProblem(f"{source}: {name} must be a number, not {value!r}") from error


def _settable() -> str:
    names = [f"pace.{field.name}" for field in fields(Pace)]
    names += [f"objectives.{field.name}" for field in fields(Objectives)]
    return "to override: " + ", ".join(names)
