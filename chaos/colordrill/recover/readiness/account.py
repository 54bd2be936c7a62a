"""The sites' account on the backup server: what it must be able to do, and what it must not."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from colordrill.errors import EnvironmentProblem
from colordrill.look import Look
from colordrill.recover.readiness.examined import READ_LIMIT_S, Examined
from colordrill.recover.readiness.probe import Probing
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed

CHECK = "backup_account"
ALLOWED, REFUSED = "allowed", "refused"
PUSH_LIMIT_S = 20.0
TOO_SLOW = frozenset({30, 35, 124, -1})
"""rsync's exit codes for a server that does not answer in time, and those of a cut-off command."""

UNREACHABLE = TOO_SLOW | {10}
"""Besides: no connection. Some refusals end with it too, so it tells only where none was due."""

SECRETS = ("../tmp/rsyncd.secrets", "../tmp/rsyncd.conf", "git/site.git/config")
"""What no account may read, relative to the module."""

# a name, then where it is to go; what it leaves at this end is gone when it ends
_PUSH = r"""
set -u
staged=$(mktemp -d) && trap 'rm -rf "$staged"' EXIT
echo probe > "$staged/$1"
rsync --contimeout=5 --timeout=10 "$staged/$1" \
  "rsync://$BACKUP_ACCOUNT@$BACKUP_SERVER/backup/$2/$1"
"""
# nothing but a file of the probe's name would be deleted
_DELETE = r"""
set -u
staged=$(mktemp -d) && trap 'rm -rf "$staged"' EXIT
rsync --recursive --delete --include="/$1" --exclude='*' --contimeout=5 --timeout=10 \
  "$staged/" "rsync://$BACKUP_ACCOUNT@$BACKUP_SERVER/backup/$2/"
"""
_READ = r"""
set -u
staged=$(mktemp -d) && trap 'rm -rf "$staged"' EXIT
rsync --contimeout=5 --timeout=10 \
  "rsync://$BACKUP_ACCOUNT@$BACKUP_SERVER/backup/$1" "$staged/read" && test -s "$staged/read"
"""
_TAKE_BACK = 'for each; do if [ -e "$each" ]; then echo "$each"; rm -f -- "$each"; fi; done'


def writes_where_it_must(agent: Part) -> Probing:
    """The probe of *agent*'s right to push a backup: a real push, seen on the server, removed."""

    def probe(examined: Examined) -> Iterator[Look]:
        name = _fresh_name()
        done = _run(examined, agent, _PUSH, name, "incoming")
        arrived = _take_back(examined, f"/backup/incoming/{name}")
        if done.exit_code in UNREACHABLE and not arrived:
            raise EnvironmentProblem(f"{agent} does not reach the backup server: {_said(done)}")
        seen = ALLOWED if done.exit_code == 0 and arrived else f"{REFUSED}: {_said(done)}"
        yield Look(CHECK, f"a push by {agent}", ALLOWED, seen)

    return probe


def leaves_the_rest(examined: Examined) -> Iterator[Look]:
    """The account cannot write into a published point, delete from it, or read what is secret."""
    agent, point, name = Part.DR_AGENT, examined.point().id, _fresh_name()
    place, path = f"points/{point}", f"/backup/points/{point}/{name}"
    # without a push that succeeds, a refusal would only say that nobody gets through
    for look in writes_where_it_must(agent)(examined):
        if look.seen != ALLOWED:
            raise EnvironmentProblem("what it must not do cannot be tried: it may not even push")
    pushed = _run(examined, agent, _PUSH, name, place)
    deleted = _run(examined, agent, _DELETE, name, place)
    arrived = _take_back(examined, path)
    if arrived:
        pushed = Executed(0, "", "")
    yield _tried("writing into a published point", pushed)
    yield _tried("deleting from a published point", deleted)
    for secret in SECRETS:
        yield _tried(f"reading {secret}", _run(examined, agent, _READ, secret))


def _tried(subject: str, done: Executed) -> Look:
    if done.exit_code in TOO_SLOW:
        return Look(CHECK, subject, unseen=f"no answer came in time: {_said(done)}")
    return Look(CHECK, subject, REFUSED, ALLOWED if done.exit_code == 0 else REFUSED)


def _run(examined: Examined, agent: Part, script: str, *words: str) -> Executed:
    command = ("bash", "-c", script, "probe", *words)
    return examined.target.execute(agent, command, timeout_s=PUSH_LIMIT_S)


def _take_back(examined: Examined, path: str) -> bool:
    """Remove a probe on the server; whether it had arrived."""
    command = ("sh", "-c", _TAKE_BACK, "probe", path)
    done = examined.target.execute(Part.BACKUP, command, timeout_s=READ_LIMIT_S)
    if done.exit_code != 0:
        raise EnvironmentProblem(f"the probe {path} cannot be removed: {done.stderr.strip()}")
    return bool(done.stdout.strip())


def _fresh_name() -> str:
    return f".colordrill-probe-{secrets.token_hex(4)}"


def _said(done: Executed) -> str:
    lines = [each for each in done.stderr.strip().splitlines() if each.strip()]
    return lines[0] if lines else f"exit code {done.exit_code}"
