"""What red twins break. A sabotage touches only the system, never the harness.

Some are a compose overlay: the system is wrong from the start, as latent defects are. The others
act on the running stack, before the steady state or once the disaster has struck, and are undone
at the end, so that the stack can be proven clean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from colordrill.data import fixtures
from colordrill.errors import EnvironmentProblem, UnknownName
from colordrill.fault.sabotaged_points import (
    allow_copies,
    keep_only_oldest,
    keep_only_oldest_copy,
    keep_only_oldest_manifest,
    points_hold_old_workflow,
    points_hold_other_weights,
    points_name_stale_image,
)
from colordrill.stack.parts import Part, SiteFolder
from colordrill.stack.target import PartChanges, Target

SABOTAGE = fixtures() / "stack" / "sabotage"
"""Where compose overlays are, and programs that take a service's place."""

SERVICE = Part.PRIMARY_COLORIZATION
DR_SERVICE = Part.DR_COLORIZATION
OPTIONS = "--listen 0.0.0.0 --port 8188 --base-directory /comfyui"
"""How the bundled service is started."""

START = f"exec python3 -m colorservice {OPTIONS}"
SLOWLY = "sleep 62"
"""Longer than the objective of a failover or a repair."""

SLOW_FIRST_START = f"{SLOWLY}; {START}"
SLOW_SECOND_START = f"[ -e /tmp/started ] && {SLOWLY}; touch /tmp/started; {START}"
WORKER_ENDS = r"""
import json, os, subprocess, sys, time, urllib.request
if len(sys.argv) == 1:
    # in the background: the service may be down, frozen or cut off now, and take the job later
    subprocess.Popen([sys.executable, "-c", os.environ["PROGRAM"], "now"], start_new_session=True,
                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    sys.exit()
photo = next(name for name in sorted(os.listdir("/site/input")) if name.endswith(".png"))
prompt = {
    "1": {"class_type": "LoadImage", "inputs": {"image": photo}},
    "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
}
body = json.dumps({"prompt": prompt, "extra_data": None}).encode()
url = f"http://primary-colorization:{os.environ['PORT']}/prompt"
headers = {"Content-Type": "application/json"}
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
until = time.monotonic() + 90
while time.monotonic() < until:
    # again and again: a service that is started anew has a new worker
    try:
        opener.open(urllib.request.Request(url, body, headers), timeout=40).read()
    except OSError:
        pass
    time.sleep(1)
"""
# every process but the first, this shell and what it was started by
STOP_ALL = """
for each in /proc/[0-9]*; do
  case ${each#/proc/} in 1 | $$ | $PPID) ;; *) kill -STOP "${each#/proc/}" ;; esac
done
"""


@dataclass(frozen=True, slots=True)
class Sabotage:
    """One way to break the system.

    Attributes:
        name: as red twins are called.
        overlay: a compose file in `SABOTAGE`, or None.
        before: acts on the running stack before the steady state, or None.
        after_fault: acts on the running stack after the injection, or None.
        undo: puts back what `before` or `after_fault` did; None where a clean stack's proof does.
    """

    name: str
    overlay: str | None = None
    before: Callable[[Target], None] | None = None
    after_fault: Callable[[Target], None] | None = None
    undo: Callable[[Target], None] | None = None

    @property
    def overlay_path(self) -> Path | None:
        """The compose file to lay over the bundled one."""
        if self.overlay is None:
            return None
        return SABOTAGE / self.overlay


def end_worker(target: Target) -> None:
    """Kill the primary's worker thread by a malformed job; what answers goes on answering."""
    command = ["env", "PORT=8188", f"PROGRAM={WORKER_ENDS}", "python3", "-c", WORKER_ENDS]
    _expect(target, Part.PRIMARY_AGENT, command)


def restart_service(target: Target) -> None:
    """A process that is started anew has none of the old one's ailments."""
    target.kill([SERVICE])
    target.start(SERVICE)


def spare_worker(target: Target) -> None:
    """Undo `end_worker`: what sends the jobs ends with the agent in which it runs."""
    target.kill([Part.PRIMARY_AGENT])
    target.start(Part.PRIMARY_AGENT)
    restart_service(target)


def forbid_restart(target: Target) -> None:
    """The engine leaves the primary's service down when it ends."""
    target.set_restart_policy(SERVICE, "no")


def allow_restart(target: Target) -> None:
    """Undo `forbid_restart`."""
    target.set_restart_policy(SERVICE, "unless-stopped")
    target.start(SERVICE)


def dr_runs(program: str, *words: str) -> Callable[[Target], None]:
    """The DR site's service is *program*, a file in `SABOTAGE`; it is handed over as text."""

    def run_it(target: Target) -> None:
        text = (SABOTAGE / program).read_text(encoding="utf-8")
        entry = ("tini", "--", "python3", "-c", text, *words, *OPTIONS.split())
        target.recreate(DR_SERVICE, PartChanges(entrypoint=entry))

    return run_it


def slow_first_start(target: Target) -> None:
    """The DR site's service starts later than the objective allows."""
    entry = ("tini", "--", "sh", "-c", SLOW_FIRST_START)
    target.recreate(DR_SERVICE, PartChanges(entrypoint=entry))


def describe_dr_anew(target: Target) -> None:
    """Undo `dr_runs` and `slow_first_start`; the DR site's service is down as before."""
    target.kill([DR_SERVICE])
    target.recreate(DR_SERVICE)


def slow_second_start(target: Target) -> None:
    """Every start of the primary's service but its first takes longer than the objective."""
    entry = ("tini", "--", "sh", "-c", SLOW_SECOND_START)
    target.recreate(SERVICE, PartChanges(entrypoint=entry))


def describe_service_anew(target: Target) -> None:
    """Undo `slow_second_start`."""
    target.recreate(SERVICE)


def seal_points(target: Target) -> None:
    """No recovery point can be put among the others any more."""
    _expect(target, Part.BACKUP, ["chmod", "555", "/backup/points"])


def unseal_points(target: Target) -> None:
    """Put points among the others again."""
    _expect(target, Part.BACKUP, ["chmod", "755", "/backup/points"])


def keep_only_oldest_for_good(target: Target) -> None:
    """All points but the oldest go, and a primary that lives on cannot make up for it."""
    keep_only_oldest(target)
    seal_points(target)


def stop_mirror(target: Target) -> None:
    """Every process of the mirror stands still; the container runs."""
    _expect(target, Part.PRIMARY_MIRROR, ["sh", "-c", STOP_ALL])


def restart_mirror(target: Target) -> None:
    """Undo `stop_mirror`."""
    target.kill([Part.PRIMARY_MIRROR])
    target.start(Part.PRIMARY_MIRROR)


def swap_weights(target: Target) -> None:
    """The primary's checkpoint on its disk becomes another one; what is loaded stays loaded."""
    other = (fixtures() / "models" / "ddcolor_nano_other.safetensors").read_bytes()
    target.put_files(
        Part.PRIMARY_AGENT, SiteFolder.MODELS, {"ddcolor/ddcolor_nano.safetensors": other}
    )


def _expect(target: Target, part: Part, command: list[str]) -> None:
    done = target.execute(part, command)
    if done.exit_code != 0:
        raise EnvironmentProblem(f"the sabotage failed: {done.stderr.strip() or done.stdout}")


_ALL = (
    Sabotage("only_oldest_point", after_fault=keep_only_oldest),
    Sabotage("only_oldest_copy", after_fault=keep_only_oldest_copy, undo=allow_copies),
    Sabotage("only_oldest_manifest", after_fault=keep_only_oldest_manifest),
    Sabotage("only_oldest_for_good", after_fault=keep_only_oldest_for_good, undo=unseal_points),
    Sabotage("other_weights", before=dr_runs("other_weights.py"), undo=describe_dr_anew),
    Sabotage("slow_start", before=slow_first_start, undo=describe_dr_anew),
    Sabotage("gateway_not_switched", overlay="gateway-not-switched.yaml"),
    Sabotage("liar_uncoloured", before=dr_runs("liar.py", "uncoloured"), undo=describe_dr_anew),
    Sabotage("liar_previous", before=dr_runs("liar.py", "previous"), undo=describe_dr_anew),
    Sabotage("liar_golden", overlay="liar-golden.yaml"),
    Sabotage("worker_dies", after_fault=end_worker, undo=spare_worker),
    Sabotage("restart_policy_off", before=forbid_restart, undo=allow_restart),
    Sabotage("slow_restart", before=slow_second_start, undo=describe_service_anew),
    Sabotage("points_sealed", after_fault=seal_points, undo=unseal_points),
    Sabotage("mirror_stuck", after_fault=stop_mirror, undo=restart_mirror),
    Sabotage("weights_swapped", after_fault=swap_weights, undo=restart_service),
    Sabotage("points_other_weights", after_fault=points_hold_other_weights),
    Sabotage("points_workflow_outdated", after_fault=points_hold_old_workflow),
    Sabotage("points_config_stale", after_fault=points_name_stale_image),
)
SABOTAGES: Mapping[str, Sabotage] = {each.name: each for each in _ALL}


def find_sabotage(name: str) -> Sabotage:
    """The sabotage called *name*.

    Raises:
        UnknownName: there is none.
    """
    if name not in SABOTAGES:
        raise UnknownName("sabotage", name, SABOTAGES)
    return SABOTAGES[name]
