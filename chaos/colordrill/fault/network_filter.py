"""Packets dropped or rejected in the network namespace of one part, by rules that bear a tag.

The rules are made by the privileged helper, so the part itself needs no tools and no rights. They
live in the namespace and end with it: a part that is started anew has none.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part
from colordrill.stack.target import Target

FILTER_LIMIT_S = 10.0
ALREADY = 17
# iptables has to work; a kernel without IPv6 has no rules in ip6tables, and none to remove
_LIST = (
    'listed() { "$1" -w 2 -S 2>/dev/null | grep -F -e "--comment $tag -j"; };'
    "iptables -w 2 -S >/dev/null || exit 1;"
)
_INSERT = f"tag=$1; shift; {_LIST} if listed iptables || listed ip6tables; then exit {ALREADY}; fi;"
_REMOVE = (
    f"tag=$1; {_LIST} for table in iptables ip6tables; do"
    " listed $table | sed 's/^-A/-D/' | while read -r rule; do $table -w 2 $rule; done; done;"
    "if listed iptables || listed ip6tables; then exit 1; fi"
)
_SHOW = f"tag=$1; {_LIST} listed iptables; listed ip6tables; true"


class Verdict(StrEnum):
    """What becomes of a packet."""

    DROP = "DROP"
    REJECT = "REJECT"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: ``OUTPUT`` with a destination, or ``INPUT`` with a source.

    Attributes:
        chain: ``INPUT`` or ``OUTPUT``, of the part.
        match: iptables' own words.
        verdict: what becomes of what matches.
        ipv6: whether it is one for IPv6.
    """

    chain: str
    match: tuple[str, ...]
    verdict: Verdict
    ipv6: bool = False

    def words(self, tag: str) -> str:
        """As a command of the shell."""
        program = "ip6tables" if self.ipv6 else "iptables"
        match = " ".join(self.match)
        return (
            f"{program} -w 2 -I {self.chain} {match} -m comment --comment {tag} -j {self.verdict}"
        )


def to_address(address: str, verdict: Verdict = Verdict.DROP) -> Rule:
    """Packets from the part to *address*."""
    return Rule("OUTPUT", ("-d", address), verdict, ipv6=_is_ipv6(address))


def from_address(address: str, verdict: Verdict = Verdict.DROP) -> Rule:
    """Packets from *address* to the part."""
    return Rule("INPUT", ("-s", address), verdict, ipv6=_is_ipv6(address))


def insert(target: Target, part: Part, tag: str, rules: Sequence[Rule]) -> None:
    """Put *rules* into *part*'s namespace, each with *tag*.

    Raises:
        EnvironmentProblem: a rule of that tag is there already, or one could not be made.
    """
    script = _INSERT + " && ".join(rule.words(tag) for rule in rules)
    code, said = _inside(target, part, script, tag)
    if code == ALREADY:
        raise EnvironmentProblem(
            f"{part} has rules of {tag} already: {said}", "heal the fault that made them first"
        )
    if code != 0:
        raise EnvironmentProblem(
            f"packets of {part} cannot be filtered (exit {code}): {said}",
            "see `colordrill doctor`: does iptables work on this host?",
        )


def remove(target: Target, part: Part, tag: str) -> None:
    """Take all rules of *tag* out of *part*'s namespace; a part that is down has none.

    Raises:
        EnvironmentProblem: some are still there.
    """
    if not target.state(part).running:
        return
    code, said = _inside(target, part, _REMOVE, tag)
    if code != 0:
        raise EnvironmentProblem(
            f"rules of {tag} could not be removed from {part} (exit {code}): {said}",
            f"start {part} anew: its rules end with it",
        )


def present(target: Target, part: Part, tag: str) -> tuple[str, ...]:
    """The rules of *tag* in *part*'s namespace, as iptables lists them.

    Raises:
        EnvironmentProblem: they could not be listed.
    """
    if not target.state(part).running:
        return ()
    code, said = _inside(target, part, _SHOW, tag)
    if code != 0:
        raise EnvironmentProblem(f"the rules of {part} cannot be listed (exit {code}): {said}")
    return tuple(said.splitlines())


def _inside(target: Target, part: Part, script: str, tag: str) -> tuple[int, str]:
    namespace = ["nsenter", "--target", str(target.pid(part)), "--net"]
    done = target.on_host([*namespace, "sh", "-c", script, "sh", tag], timeout_s=FILTER_LIMIT_S)
    return done.exit_code, (done.stdout.strip() or done.stderr.strip())[:1000]


def _is_ipv6(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).version == 6  # noqa: PLR2004 (the protocol's own name)
    except ValueError as error:
        raise EnvironmentProblem(f"{address!r} is no address") from error
