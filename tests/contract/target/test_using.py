"""Execute, put files, endpoints, logs, memory: the same of every Target."""

from __future__ import annotations

import io
import tarfile

import pytest

from colordrill.clock import SystemClock, seconds_between
from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part, SiteFolder
from fakes.labs import ABSENT, PUBLISHED_PORT, STANDBY, Lab

AGENT = Part.PRIMARY_AGENT
SERVICE_UID = 1000
TIMED_OUT = 124


@pytest.mark.parametrize("code", [0, 1, 3, 42, 255])
def test_a_commands_exit_code_is_told_and_is_no_error(lab: Lab, code: int) -> None:
    assert lab.target.execute(AGENT, ["sh", "-c", f"exit {code}"]).exit_code == code


def test_output_and_errors_are_told_apart(lab: Lab) -> None:
    done = lab.target.execute(AGENT, ["sh", "-c", "echo out; echo err >&2; exit 7"])

    assert (done.exit_code, done.stdout, done.stderr) == (7, "out\n", "err\n")


@pytest.mark.parametrize(
    "argument",
    [
        "$HOME",
        "`id`",
        "$(id)",
        "; exit 9",
        "| cat",
        "*",
        "a  b",
        "quo\"te's",
        "back\\slash",
        "line\nbreak",
        "--help",
        "DDColor人物黑白修复.json",
        "",
    ],
)
def test_no_shell_reads_the_arguments(lab: Lab, argument: str) -> None:
    done = lab.target.execute(AGENT, ["printf", "[%s]", argument])

    assert (done.exit_code, done.stdout) == (0, f"[{argument}]")


def test_a_command_that_outlasts_its_limit_is_ended_in_time(lab: Lab) -> None:
    clock = SystemClock()
    began_ns = clock.now_ns()

    done = lab.target.execute(AGENT, ["sleep", "60"], timeout_s=0.5)

    assert done.exit_code == TIMED_OUT
    assert seconds_between(began_ns, clock.now_ns()) < 10.0


def test_a_program_that_is_not_there_is_an_exit_code(lab: Lab) -> None:
    done = lab.target.execute(AGENT, ["no-such-program"])

    assert done.exit_code == 127
    assert "no-such-program" in done.stderr


def test_output_that_is_no_text_does_not_hide_the_rest(lab: Lab) -> None:
    done = lab.target.execute(AGENT, ["printf", r"a\377b"])

    assert done.stdout == "a�b"


def test_much_output_comes_whole(lab: Lab) -> None:
    done = lab.target.execute(AGENT, ["seq", "1", "200000"])

    assert done.stdout.splitlines() == [str(number) for number in range(1, 200_001)]


def test_nothing_can_be_run_in_a_part_that_is_down(lab: Lab) -> None:
    with pytest.raises(EnvironmentProblem, match=STANDBY) as caught:
        lab.target.execute(STANDBY, ["true"])

    assert caught.value.next_step


def test_files_arrive_whole_in_nested_folders_and_belong_to_the_services_user(lab: Lab) -> None:
    files = {
        "a.json": b"{}",
        "empty": b"",
        "ddcolor/deep/er/weights.bin": b"x" * 300_000,
        "DDColor人物黑白修复.json": "内容".encode(),
        "with space and 'quote'": b"1",
        "x" * 200: b"long",
        "长" * 80: b"longer than a tar header holds",
    }

    lab.target.put_files(AGENT, SiteFolder.WORKFLOWS, files)

    for name, content in files.items():
        assert lab.file(AGENT, f"workflows/{name}") == (content, SERVICE_UID), name


def test_a_file_put_again_is_the_newer_one(lab: Lab) -> None:
    lab.target.put_files(AGENT, SiteFolder.CONFIG, {"stack.env": b"old and longer"})
    lab.target.put_files(AGENT, SiteFolder.CONFIG, {"stack.env": b"new"})

    assert lab.file(AGENT, "config/stack.env")[0] == b"new"


def test_putting_no_files_is_no_error(lab: Lab) -> None:
    lab.target.put_files(AGENT, SiteFolder.INPUT, {})


def taken_out(lab: Lab, path: str) -> dict[str, bytes]:
    """The plain files of the archive of *path*: content by name."""
    with lab.target.archive(AGENT, path) as chunks:
        content = io.BytesIO(b"".join(chunks))
    with tarfile.open(fileobj=content) as tar:
        files = ((each.name, tar.extractfile(each)) for each in tar if each.isreg())
        return {name: file.read() for name, file in files if file is not None}


def test_a_folder_comes_out_as_an_archive_that_is_called_by_its_last_part(lab: Lab) -> None:
    files = {"out/a.json": b"{}", "out/deep/人物\n.json": bytes(range(256)) * 5000}
    lab.target.put_files(AGENT, SiteFolder.WORKFLOWS, files)

    assert taken_out(lab, "/site/workflows/out") == files
    assert taken_out(lab, "/site/workflows/out/a.json") == {"a.json": b"{}"}


def test_a_path_that_is_not_there_does_not_come_out(lab: Lab) -> None:
    with pytest.raises(EnvironmentProblem, match="/site/workflows/none"):
        taken_out(lab, "/site/workflows/none")


def test_what_fails_while_an_archive_is_read_is_not_the_engines_fault(lab: Lab) -> None:
    lab.target.put_files(AGENT, SiteFolder.CONFIG, {"stack.env": b"x"})

    with (
        pytest.raises(OSError, match="my disk is full"),
        lab.target.archive(AGENT, "/site/config/stack.env"),
    ):
        raise OSError("my disk is full")


def test_a_published_port_has_an_address_on_loopback(lab: Lab) -> None:
    address = lab.target.endpoint(Part.GATEWAY, PUBLISHED_PORT)

    scheme, host, port = address.split(":")
    assert (scheme, host) == ("http", "//127.0.0.1")
    assert 0 < int(port) < 65536


@pytest.mark.parametrize(
    ("part", "port"),
    [(Part.GATEWAY, 9), (AGENT, PUBLISHED_PORT), (STANDBY, PUBLISHED_PORT)],
)
def test_a_port_that_is_not_published_is_named_with_the_next_step(
    lab: Lab, part: Part, port: int
) -> None:
    with pytest.raises(EnvironmentProblem, match=rf"port {port} of {part}") as caught:
        lab.target.endpoint(part, port)

    assert caught.value.next_step


def test_a_part_that_was_killed_has_no_address(lab: Lab) -> None:
    lab.target.kill([Part.GATEWAY])

    with pytest.raises(EnvironmentProblem, match="not published"):
        lab.target.endpoint(Part.GATEWAY, PUBLISHED_PORT)


def test_a_log_holds_every_line_that_a_part_printed(lab: Lab) -> None:
    said = [line.split()[-1] for line in lab.target.logs(Part.GATEWAY).splitlines()]

    assert said[:3] == ["first", "第二", "third"]


def test_the_last_lines_of_a_log_can_be_asked_for(lab: Lab) -> None:
    (line,) = lab.target.logs(Part.GATEWAY, tail=1).splitlines()

    assert line.endswith("third")


@pytest.mark.parametrize("part", [ABSENT, STANDBY, AGENT])
def test_a_part_that_printed_nothing_has_an_empty_log(lab: Lab, part: Part) -> None:
    assert lab.target.logs(part) == ""
    assert lab.target.logs(part, tail=5) == ""


def test_memory_is_told_of_what_runs_and_of_nothing_else(lab: Lab) -> None:
    used = lab.target.memory_mb(AGENT)

    assert used is not None
    assert 0.0 < used < 500.0
    assert lab.target.memory_mb(STANDBY) is None
    assert lab.target.memory_mb(ABSENT) is None
