"""A stale result cache: success is said, and the picture is not there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from colordrill.errors import EnvironmentProblem
from colordrill.fault.injecting_program import draw_mark, end_marked, marked
from colordrill.fault.neighbour import NOT_FOUND, OK, Neighbour, Reply, saved_pictures, succeeded
from colordrill.fault.protocol import About, Evidence
from colordrill.fault.service_state import ServiceFault
from colordrill.fault.site_data import HELD
from colordrill.fault.witness import a_look
from colordrill.stack.target import Capability, Target

LIMIT_S = 30.0
ATTEMPTS = 20
GRACE_S = 8.0

# one program, because any other job between the two makes the service forget the first one's
# result: what takes a second by one request after another takes it some milliseconds
REPEAT = r"""
import hashlib, json, os, sys, time, urllib.error, urllib.parse, urllib.request, uuid
base, output, held, limit_s, attempts = sys.argv[1:]
until = time.monotonic() + float(limit_s)
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

def ask(path, body=None):
    request = urllib.request.Request(base + path, body and json.dumps(body).encode())
    if body:
        request.add_header("Content-Type", "application/json")
    try:
        with opener.open(request, timeout=4) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()

def saved(entry):
    if entry["status"]["status_str"] != "success":
        return []
    images = [each for node in entry["outputs"].values() for each in node.get("images", ())]
    return [each for each in images if each.get("type") == "output"]

def until_true(look, otherwise):
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(0.01)
    sys.exit(f"within {limit_s} s {otherwise}")

def idle():
    queue = json.loads(ask("/queue")[1])
    return not queue["queue_running"] and not queue.get("queue_pending")

def repeat():
    until_true(idle, f"the service was never idle for long: it ran the job again {tried} times")
    entries = json.loads(ask("/history?max_items=8")[1]).values()
    finished = [entry for entry in entries if saved(entry)]
    if not finished:
        sys.exit("no finished job is in the service's history")
    image = saved(finished[-1])[0]
    path = os.path.join(output, image["subfolder"], image["filename"])
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    # as its client sent it, without what the service has added
    nodes = finished[-1]["prompt"][2].items()
    prompt = {name: {key: each[key] for key in each if key != "is_changed"} for name, each in nodes}
    again = str(uuid.uuid4())
    os.replace(path, path + held)
    try:
        status, said = ask("/prompt", {"prompt": prompt, "prompt_id": again})
        if status != 200:
            sys.exit(f"the same job is refused: {status} {said[:160]}")
        entry = until_true(
            lambda: json.loads(ask("/history/" + again)[1]).get(again), "the same job did not end"
        )
        query = {key: image[key] for key in ("filename", "subfolder", "type")}
        gone = ask("/view?" + urllib.parse.urlencode(query))[0] == 404
        stale = gone and image in saved(entry)
    except BaseException:
        put_back(path)
        raise
    if not stale:
        put_back(path)
        return None
    return {"path": os.path.relpath(path, output), "digest": digest, "again": again}

def put_back(path):
    # not over one that was saved under its name by now
    if os.path.exists(path):
        os.remove(path + held)
    else:
        os.replace(path + held, path)

for tried in range(int(attempts)):
    made = repeat()
    if made:
        print(json.dumps(made))
        sys.exit()
sys.exit(f"the service ran the job again each of {attempts} times")
"""


class ResultCacheStale(ServiceFault):
    """A saved picture is deleted, and the service goes on saying that the job's result is there.

    ``memory``: ``path``, ``digest`` of the picture; ``again``: the id of the same job, submitted
    again.
    """

    name: ClassVar[str] = "result_cache_stale"
    requires: ClassVar[frozenset[Capability]] = frozenset({Capability.EXECUTE})
    about: ClassVar[About] = About(
        effect=(
            "The same job, submitted again, succeeds at once and names a picture that does not "
            "exist. It stays so until another job or a restart clears the cache."
        ),
        method=(
            "The site's agent takes the picture of the newest finished job out of its place in the "
            "output folder and submits the same prompt again, which the service answers from its "
            "cache."
        ),
        evidence=(
            "The agent's own request for the second job's history says success; its request for "
            "the picture named there is answered 404."
        ),
        cure=(
            "The picture is put back as it was. It is read back through the service, by its "
            "SHA-256."
        ),
        incidents=(
            "Clean-up jobs delete old outputs; ComfyUI's cache does not look at the disk, so "
            "clients that repeat a prompt get `success` and then 404."
        ),
        targets=("primary-colorization",),
    )

    def healthy(self, target: Target) -> Evidence:
        """The newest finished job's picture is served."""
        self.memory["looked"] = True
        draw_mark(self.memory)
        neighbour = self.neighbour(target)
        newest = neighbour.newest()
        if newest is None:
            return Evidence(seen=False, detail="no finished job is in the service's history")
        subfolder, filename = saved_pictures(newest)[0]
        served = neighbour.view(filename, subfolder)
        return Evidence(
            seen=served.status == OK, detail=f"{filename} is answered with {served.status}"
        )

    def inject(self, target: Target) -> None:
        """Delete the newest picture and submit its job again; other jobs may come between.

        Raises:
            EnvironmentProblem: each time another job had cleared the cache in between.
        """
        neighbour = self.neighbour(target)
        base = f"http://{neighbour.host}:{neighbour.port}"
        words = (base, "/site/output", HELD, f"{LIMIT_S:g}", str(ATTEMPTS))
        command = marked(self.memory, ("python3", "-c", REPEAT, *words))
        done = target.execute(neighbour.peer, command, timeout_s=LIMIT_S + GRACE_S)
        if done.exit_code != 0:
            said = (done.stderr.strip().splitlines() or [f"exit code {done.exit_code}"])[-1]
            raise EnvironmentProblem(
                f"the cache could not be made stale: {said}",
                "under heavy traffic its cache holds no result long enough; lower the arrivals",
            )
        self.memory.update(json.loads(done.stdout))

    @a_look
    def evidence(self, target: Target) -> Evidence:
        """Success in the history, 404 for the picture."""
        if "again" not in self.memory:
            return Evidence(seen=False, detail="no job was submitted again")
        neighbour = self.neighbour(target)
        entry = neighbour.entry(self.memory["again"])
        served = self._served(neighbour)
        return Evidence(
            seen=succeeded(entry) and self._names_it(entry) and served.status == NOT_FOUND,
            detail=(
                f"the job submitted again {'succeeded' if succeeded(entry) else 'did not succeed'}"
                f", its picture {self.memory['path']} is answered with {served.status}"
            ),
        )

    def heal(self, target: Target) -> None:
        """End the program, put the picture back, unless there is one of that name by now."""
        if self.memory.get("looked"):
            end_marked(self.memory, partial(target.execute, self.neighbour(target).peer))
            self.data(target).release_all("output")

    @a_look
    def healed(self, target: Target) -> Evidence:
        """The picture is served as it was."""
        if "path" not in self.memory:
            return Evidence(seen=True, detail="no picture was deleted")
        served = self._served(self.neighbour(target))
        digest = hashlib.sha256(served.content).hexdigest()
        same = served.status == OK and digest == self.memory["digest"]
        detail = f"{self.memory['path']} is answered with {served.status}"
        return Evidence(seen=same, detail=f"{detail}, {'as it was' if same else 'differently'}")

    def _names_it(self, entry: Mapping[str, Any] | None) -> bool:
        named = [] if entry is None else saved_pictures(entry)
        return self.memory["path"] in ["/".join(filter(None, each)) for each in named]

    def _served(self, neighbour: Neighbour) -> Reply:
        subfolder, _, filename = str(self.memory["path"]).rpartition("/")
        return neighbour.view(filename, subfolder)


FAULTS: tuple[type, ...] = (ResultCacheStale,)
