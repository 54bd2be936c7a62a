"""Would the runbook succeed if it were needed now? Judged from what the readiness probes saw.

A check passes when every look of it shows what is wanted. One that shows something else fails it;
one that could not be made, or none at all, leaves it unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from colordrill.look import Look, Value
from colordrill.outcome import Check, Verdict
from colordrill.verify.judged import listed, unknown

IMAGE_OLDER_MAX_DAYS = 30.0
CLOCKS_APART_MAX_S = 5.0
NOT_LOOKED_AT = (
    "Make it possible to look, as the detail says, and run it again: unknown is not ready."
)

_HASH = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")
_SHOWN = 4

Holds = Callable[[Look, float], bool]
"""Whether a look shows what is wanted, where copies may be so many seconds old."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How a check is judged.

    Attributes:
        remedy: what to do when it fails.
        holds: what a look must show.
        bound: of a check that measures one figure: against what; a name stands for the look's
            own bound (``wanted``) or the allowed age (``age``).
    """

    remedy: str
    holds: Holds
    bound: float | str | None = None


@dataclass(frozen=True, slots=True)
class ReadinessCheck:
    """A check and, where it does not pass, what to do about it."""

    check: Check
    remedy: str


def _equal(look: Look, _: float) -> bool:
    return look.seen == look.wanted


def _equal_in_time(look: Look, age_max_s: float) -> bool:
    """A copy need not have yet what was changed less than the allowed age ago."""
    young = look.age_s is not None and 0 <= look.age_s <= age_max_s
    return young or look.seen == look.wanted


def _young_image(look: Look, _: float) -> bool:
    return isinstance(look.seen, float | int) and look.seen <= IMAGE_OLDER_MAX_DAYS


def _young_point(look: Look, age_max_s: float) -> bool:
    # one from the future says that a clock is wrong, and nothing of its age
    return isinstance(look.seen, float | int) and -CLOCKS_APART_MAX_S <= look.seen <= age_max_s


def _roomy(look: Look, _: float) -> bool:
    figures = isinstance(look.seen, float | int) and isinstance(look.wanted, float | int)
    return figures and float(look.seen or 0) >= float(look.wanted or 0)


def _in_time(look: Look, _: float) -> bool:
    return isinstance(look.seen, float | int) and abs(look.seen) <= CLOCKS_APART_MAX_S


def _young_or_equal(look: Look, _: float) -> bool:
    """An age is held against the look's own bound; what is not there is none."""
    if isinstance(look.wanted, float) and isinstance(look.seen, float | int):
        return -CLOCKS_APART_MAX_S <= look.seen <= look.wanted
    return look.seen is not None and look.seen == look.wanted


RULES: Mapping[str, Rule] = {
    "dr_standby": Rule(
        "Create the DR container if it is missing; stop it and empty its volumes if nobody uses "
        "the site. While it is the active site there is no standby: bring the primary back.",
        _equal,
    ),
    "dr_image": Rule(
        "Pull the primary's image at the DR site, by its digest, and create the container anew.",
        _equal,
    ),
    "dr_image_age": Rule(
        "Update the DR site's image with the primary's, in the same deployment.",
        _young_image,
        IMAGE_OLDER_MAX_DAYS,
    ),
    "settings": Rule(
        "Create the container anew with the variables and the restart policy that config/stack.env "
        "and the compose file name; commit what is meant.",
        _equal,
    ),
    "volume_layout": Rule(
        "Mount each folder's volume, writable, on the path that config/stack.env names (MOUNT_…), "
        "and create the container anew.",
        _equal,
    ),
    "dr_writable": Rule(
        "Give the volume to the service's user (owner and mode), and see that it is not mounted "
        "read-only.",
        _equal,
    ),
    "configuration_synced": Rule(
        "Commit the configuration that is in force and push it; then take a recovery point.",
        _equal_in_time,
    ),
    "workflows_synced": Rule(
        "Push the workflows to Git and take a recovery point; then see why that did not happen by "
        "itself.",
        _equal_in_time,
    ),
    "workflows_right": Rule(
        "Restore the workflow's right version (Git has all of them), save it at the primary, and "
        "take a recovery point.",
        _equal,
    ),
    "checkpoints": Rule(
        "Put back the checkpoint that the goldens were made with; if another is meant, capture "
        "goldens anew.",
        _equal,
    ),
    "backup_account": Rule(
        "Let the account write below incoming/ and nowhere else: see `read only`, the guard and "
        "`refuse options` in the rsync daemon's configuration.",
        _equal,
    ),
    "newest_point": Rule(
        "Take a recovery point, and see why the schedule did not.",
        _young_point,
        "age",
    ),
    "points_whole": Rule(
        "Take a recovery point now; look for a failing disk on the backup server, and keep the "
        "damaged point away from a restore.",
        _equal,
    ),
    "off_site": Rule(
        "Make a copy: `colordrill backup now --offsite-every 1`, which makes the store's accounts "
        "anew too, and keep them coming: `backup start --offsite-every N`. Give the DR site's "
        "agent the key of the repository, and release a lock whose process is gone: "
        "docs/how-to/keep-copies-off-site.md. Where no copies are wanted: --no-offsite.",
        _young_or_equal,
    ),
    "free_space": Rule(
        "Free space on the named volumes or enlarge them; remove points that retention allows to "
        "go.",
        _roomy,
        "wanted",
    ),
    "clocks": Rule(
        "Synchronise the clock of the named part (NTP); points are chosen by time.",
        _in_time,
        CLOCKS_APART_MAX_S,
    ),
    "same_colour": Rule(
        "Compare image, settings, checkpoint and workflows of both sites as the other checks name "
        "them; restore a point at the DR site by hand and look at the picture.",
        _equal,
    ),
}
"""Every check, in the order in which it is shown."""


def judge_readiness(
    looks: Iterable[Look], age_max_s: float, left_out: Iterable[str] = ()
) -> tuple[ReadinessCheck, ...]:
    """Judge what was seen.

    Args:
        looks: what the probes wrote down.
        age_max_s: how old the newest point may be, and a change that is in no copy yet.
        left_out: checks that nobody asked for; they are not judged at all.
    """
    by_check: dict[str, list[Look]] = {name: [] for name in RULES}
    for look in looks:
        by_check[look.check].append(look)
    omitted = set(left_out)
    return tuple(
        _judged(name, rule, by_check[name], age_max_s)
        for name, rule in RULES.items()
        if name not in omitted
    )


def _judged(name: str, rule: Rule, looks: list[Look], age_max_s: float) -> ReadinessCheck:
    made = [each for each in looks if not each.unseen]
    wrong = [each for each in made if not rule.holds(each, age_max_s)]
    unmade = [f"{each.subject}: {each.unseen}" for each in looks if each.unseen]
    if wrong:
        told = [_told(each, rule) for each in wrong]
        told += [f"not looked at: {each}" for each in unmade]
        value, bound = _figures(rule, made, wrong, age_max_s)
        return ReadinessCheck(Check(name, Verdict.FAIL, value, bound, _joined(told)), rule.remedy)
    if unmade or not made:
        detail = _joined(unmade) or "nobody looked"
        return ReadinessCheck(unknown(name, None, detail), NOT_LOOKED_AT)
    value, bound = _figures(rule, made, wrong, age_max_s)
    notes = list(dict.fromkeys(each.note for each in made if each.note))
    detail = _joined(notes) or f"as wanted: {listed([each.subject for each in made], _SHOWN)}"
    return ReadinessCheck(Check(name, Verdict.PASS, value, bound, detail), "")


def _figures(
    rule: Rule, made: list[Look], wrong: list[Look], age_max_s: float
) -> tuple[Value, Value]:
    """The measured figure and its bound; where there is none, how many looks were as wanted."""
    if rule.bound is None:
        return float(len(made) - len(wrong)), float(len(made))
    # the first one that does not hold speaks for all
    look = (wrong or sorted(made, key=_slack))[0]
    if rule.bound == "wanted":
        return look.seen, look.wanted
    return look.seen, age_max_s if rule.bound == "age" else rule.bound


def _slack(look: Look) -> float:
    """The least roomy, the farthest off comes first."""
    seen, wanted = float(look.seen or 0), float(look.wanted or 0)
    return seen - wanted if look.wanted is not None else -abs(seen)


def _told(look: Look, rule: Rule) -> str:
    note = f" ({look.note})" if look.note else ""
    if look.seen is None and look.wanted is None:
        return f"{look.subject}: there is none"
    if rule.bound is not None and rule.bound != "wanted":
        return f"{_shown(look.seen)} {look.subject}{note}"
    return f"{look.subject}: {_shown(look.seen)} instead of {_shown(look.wanted)}{note}"


def _shown(value: Value) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, float):
        return f"{value:.6g}"
    return _HASH.sub(r"\1…", str(value)) or "nothing"


def _joined(told: list[str]) -> str:
    """On one line: what a program printed may have several."""
    more = len(told) - _SHOWN
    text = "; ".join(told[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
    return " ".join(text.split())
