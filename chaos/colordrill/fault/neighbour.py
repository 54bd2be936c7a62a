"""The colorization service's own API, spoken from the container next to it.

Some defects are made, and many are proven, by an ordinary request to the service. It is sent from
inside the stack: what a neighbour gets is not what the harness's own connection would say.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from colordrill.clock import Clock, poll
from colordrill.errors import EnvironmentProblem, WaitExpired
from colordrill.fault.parameters import member
from colordrill.stack.parts import COLORIZATION_PORT, Part
from colordrill.stack.target import Target

REQUEST_LIMIT_S = 4.0
GRACE_S = 2.0
UNANSWERED = 0
OK = 200
NOT_FOUND = 404
SERVER_ERROR = 500
JOB_EVERY_S = 0.15
VIEW_MAX_BYTES = 30_000_000

PROGRAM = r"""
import base64, json, sys, urllib.error, urllib.request
method, url, limit_s, body = sys.argv[1:]
request = urllib.request.Request(url, body.encode() if body else None, method=method)
if body:
    request.add_header("Content-Type", "application/json")
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    with opener.open(request, timeout=float(limit_s)) as answer:
        status, content = answer.status, answer.read()
except urllib.error.HTTPError as error:
    status, content = error.code, error.read()
except OSError as error:
    status, content = 0, str(error).encode()
print(json.dumps({"status": status, "content": base64.b64encode(content).decode()}))
"""

# in parts that have no python: the answer's last bytes, after its first line
BASH_VIEW = r"""
trap '' PIPE  # a server that has closed does not answer, which is no reason to die
exec 3<>"/dev/tcp/$1/$2" || exit 41
printf 'GET %s HTTP/1.0\r\nHost: peer\r\n\r\n' "$3" >&3
IFS= read -r -t 3 line <&3 || exit 41
case $line in HTTP/1.?' '200*) tail -c 12 <&3 | od -An -v -tx1;; *) echo "$line" >&2; exit 42;; esac
"""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the HTTP status, 0 for no answer, and the body."""

    status: int
    content: bytes

    def json(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return json.loads(self.content)
        except ValueError:
            return None

    def __str__(self) -> str:
        """Status and the beginning of the body, for evidence."""
        return (
            f"{self.status or 'no answer'} {self.content[:160].decode('utf-8', 'replace')}".strip()
        )


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A part that speaks to the service.

    Attributes:
        target: the stack.
        peer: the part that asks.
        host: the service's name on the peer's network.
        port: its port there.
    """

    target: Target
    peer: Part
    host: str
    port: int

    def ask(self, path: str, body: Mapping[str, Any] | None = None) -> Reply:
        """GET *path*, or POST *body* to it as JSON.

        Raises:
            EnvironmentProblem: the neighbour itself could not ask.
        """
        url = f"http://{self.host}:{self.port}{path}"
        text = "" if body is None else json.dumps(body)
        words = ("GET" if body is None else "POST", url, f"{REQUEST_LIMIT_S:g}", text)
        command = ("python3", "-c", PROGRAM, *words)
        done = self.target.execute(self.peer, command, timeout_s=REQUEST_LIMIT_S + GRACE_S)
        if done.exit_code != 0:
            raise EnvironmentProblem(
                f"{self.peer} could not ask {path}: exit {done.exit_code} "
                f"{done.stderr.strip()[-200:]}"
            )
        said = json.loads(done.stdout)
        return Reply(int(said["status"]), base64.b64decode(said["content"]))

    def alive(self) -> bool:
        """Whether the service answers ``/system_stats``, which says nothing about its worker."""
        return self.ask("/system_stats").status == OK

    def running(self) -> list[str]:
        """The ids of the jobs that the service says are running; none where it is silent."""
        found = self.ask("/queue").json() or {}
        return [str(each[1]) for each in found.get("queue_running", [])]

    def submit(self, prompt: Mapping[str, Any], **others: Any) -> tuple[str, Reply]:
        """POST a prompt under an id of its own; *others* are further members of the body."""
        prompt_id = str(uuid.uuid4())
        return prompt_id, self.ask("/prompt", {"prompt": prompt, "prompt_id": prompt_id, **others})

    def entry(self, prompt_id: str) -> Mapping[str, Any] | None:
        """The history's entry of a job; None while it has not ended."""
        found = self.ask(f"/history/{prompt_id}").json() or {}
        entry = found.get(prompt_id)
        return entry if isinstance(entry, dict) else None

    def newest(self) -> Mapping[str, Any] | None:
        """The newest job in the history that succeeded with a saved picture; None without one."""
        found = self.ask("/history?max_items=8").json() or {}
        for entry in reversed(list(found.values())):
            if succeeded(entry) and saved_pictures(entry):
                return dict(entry)
        return None

    def await_entry(self, prompt_id: str, clock: Clock, limit_s: float) -> Mapping[str, Any] | None:
        """The history's entry of a job once it has ended; None when it has not in *limit_s*."""
        try:
            return poll(
                clock,
                lambda: self.entry(prompt_id),
                awaited="a job to end",
                timeout_s=limit_s,
                every_s=JOB_EVERY_S,
            )
        except WaitExpired:
            return None

    def view(self, filename: str, subfolder: str = "") -> Reply:
        """GET a saved picture."""
        query = urlencode({"filename": filename, "subfolder": subfolder, "type": "output"})
        return self.ask(f"/view?{query}")

    def view_end(self, path: str) -> bytes | None:
        """The last 12 bytes of a saved picture, through whatever is between; None if not served."""
        subfolder, _, filename = path.rpartition("/")
        query = urlencode({"filename": filename, "subfolder": subfolder, "type": "output"})
        words = (self.host, str(self.port), f"/view?{query}")
        command = ("bash", "-c", BASH_VIEW, "view", *words)
        try:
            done = self.target.execute(self.peer, command, timeout_s=REQUEST_LIMIT_S + GRACE_S)
        except EnvironmentProblem:
            return None
        return bytes.fromhex(done.stdout) if done.exit_code == 0 else None

    def user_file(self, name: str) -> Reply:
        """GET a workflow file as its users load it."""
        return self.ask(f"/userdata/{quote(f'workflows/{name}', safe='')}")

    def forget_jobs(self, prompt_ids: Sequence[str]) -> Reply:
        """Delete jobs from the history, so that nobody looks for pictures that are gone."""
        return self.ask("/history", {"delete": list(prompt_ids)})

    def drop_memory(self) -> Reply:
        """Have the service forget results, node instances and weights, as after a restart."""
        return self.ask("/free", {"free_memory": True, "unload_models": True})


def neighbour_of(target: Target, part: str, port: int = COLORIZATION_PORT) -> Neighbour:
    """The site's agent as the neighbour of its colorization service.

    Raises:
        UnknownName: *part* is no colorization service.
    """
    agents = {
        Part.PRIMARY_COLORIZATION: Part.PRIMARY_AGENT,
        Part.DR_COLORIZATION: Part.DR_AGENT,
    }
    service = member("colorization service", part, agents)
    return Neighbour(target, agents[service], str(service), port)


def succeeded(entry: Mapping[str, Any] | None) -> bool:
    """Whether the history says that a job ended well."""
    return entry is not None and entry.get("status", {}).get("status_str") == "success"


def saved_pictures(entry: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Subfolder and file name of each picture that a job saved."""
    return [
        (str(image.get("subfolder", "")), str(image["filename"]))
        for output in entry.get("outputs", {}).values()
        for image in output.get("images", ())
        if image.get("type") == "output"
    ]


def plain_prompt(entry: Mapping[str, Any], prefix: str | None = None) -> dict[str, Any]:
    """The prompt of a job as its client sent it, with another prefix of the saved files if given.

    What the service has added since (``is_changed``) is left out.
    """
    nodes: dict[str, Any] = {}
    for node_id, node in entry["prompt"][2].items():
        kept = {key: value for key, value in node.items() if key != "is_changed"}
        kept["inputs"] = dict(kept["inputs"])
        if prefix is not None and "filename_prefix" in kept["inputs"]:
            kept["inputs"]["filename_prefix"] = prefix
        nodes[node_id] = kept
    return nodes
