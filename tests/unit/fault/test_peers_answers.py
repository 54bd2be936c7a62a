"""What a peer's answer proves of a damaged file or of other weights, and what it does not."""

from __future__ import annotations

import hashlib
import socket
import struct
import subprocess
import threading

import pytest

from colordrill.errors import EnvironmentProblem
from colordrill.fault import configuration_weights, disk_reading, neighbour, witness
from colordrill.fault.configuration_checkpoints import CheckpointMissing, CheckpointOther
from colordrill.fault.configuration_weights import WeightsFault
from colordrill.fault.disk_reading import PLACES, read_by_peer
from colordrill.fault.neighbour import Neighbour, Reply
from colordrill.stack.parts import Part
from colordrill.stack.target import Executed
from fakes.machine import Machine
from fakes.target import FakeTarget

BODY = b"a picture"
SHA = hashlib.sha256(BODY).hexdigest()


@pytest.mark.parametrize(
    ("status", "answered", "sha256"),
    [
        ("HTTP/1.0 200 OK", True, SHA),
        ("HTTP/1.0 404 Not Found", True, None),
        ("HTTP/1.0 500 Internal Server Error", False, None),
        ("HTTP/1.0 503 Service Unavailable", False, None),
        ("", False, None),
    ],
)
def test_an_error_page_is_not_the_file(
    target: FakeTarget, status: str, answered: bool, sha256: str | None
) -> None:
    target.programs["bash"] = lambda _part, _command: Executed(0, f"{status}\n{SHA}  -\n", "")

    read = read_by_peer(target, PLACES["primary:output"], "", "a.png")

    assert (read.answered, read.sha256) == (answered, sha256)


@pytest.mark.parametrize(
    ("said", "answered"),
    [("link_stat failed: No such file or directory (2)", True), ("Permission denied (13)", False)],
)
def test_a_backup_server_that_refuses_has_not_lost_the_file(
    target: FakeTarget, said: str, answered: bool
) -> None:
    target.programs["bash"] = lambda _part, _command: Executed(23, "", said)
    target.parts[Part.DR_AGENT] = target.parts[Part.GATEWAY]

    assert read_by_peer(target, PLACES["backup:points"], "p", "a.png").answered is answered


@pytest.mark.parametrize(
    ("announced", "exit_code"), [(f"Content-Length: {len(BODY)}", 0), ("content-length: 99", 8)]
)
def test_a_body_that_was_cut_off_is_not_the_file(announced: str, exit_code: int) -> None:
    answer = f"HTTP/1.0 200 OK\r\nServer: x\r\n{announced}\r\n\r\n".encode() + BODY
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        where = f"127.0.0.1/{server.getsockname()[1]}"
        script = disk_reading.HASH_OF_ANSWER.replace("toxiproxy/18188", where)
        done = subprocess.run(
            ["bash", "-c", script, "bash", "/view"], check=False, capture_output=True, timeout=20
        )

    assert done.returncode == exit_code
    assert (SHA.encode() in done.stdout) is (exit_code == 0)


@pytest.mark.parametrize(
    ("script", "exit_code"),
    [(disk_reading.HASH_OF_ANSWER, 9), (witness.ASK, witness.SILENT), (neighbour.BASH_VIEW, 41)],
)
def test_a_server_that_closes_before_it_is_asked_is_no_answer_and_no_death(
    script: str, exit_code: int
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def close() -> None:
            connection, _ = server.accept()
            # a reset, so that nothing that is written can arrive
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

        threading.Thread(target=close, daemon=True).start()
        port = str(server.getsockname()[1])
        here = script.replace("toxiproxy/18188", f"127.0.0.1/{port}")
        # asked only once the reset is there
        here = here.replace("printf 'GET", "read -r -t 5 _ <&3; printf 'GET")
        words = ["/view"] if port in here else ["127.0.0.1", port, "/view"]
        done = subprocess.run(
            ["bash", "-c", here, "bash", *words], check=False, capture_output=True, timeout=20
        )

    assert done.returncode == exit_code
    assert done.stdout == b""


@pytest.mark.parametrize("status", [0, 500, 503])
def test_a_service_that_does_not_say_anything_of_a_job_proves_no_other_weights(status: int) -> None:
    with pytest.raises(EnvironmentProblem, match="could not be asked"):
        configuration_weights._refuse_unasked(Reply(status, b""))
    configuration_weights._refuse_unasked(Reply(400, b"a node is missing"))


@pytest.mark.parametrize(("kind", "seen"), [(CheckpointMissing, True), (CheckpointOther, False)])
def test_a_job_that_fails_is_no_evidence_of_weights_that_colour(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, kind: type[WeightsFault], seen: bool
) -> None:
    fault = kind()
    fault.memory.update(digest="", picture=[[1.0, 2.0, 3.0]])
    monkeypatch.setattr(Neighbour, "alive", lambda _: True)
    monkeypatch.setattr(WeightsFault, "_colour", lambda *_: ("ended in an error", None))

    assert fault.evidence(machine.target).seen is seen
