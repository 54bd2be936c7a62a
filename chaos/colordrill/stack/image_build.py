"""Runs the engine's command line: one build with what the host lends to it, and short questions.

The host lends its CA bundle, its package indexes and proxies, and its Debian sources, as BuildKit
secrets: each is mounted for single steps only, and reaches no layer, no history and no tag.
"""

from __future__ import annotations

import configparser
import contextlib
import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from colordrill.errors import EnvironmentProblem
from colordrill.stack.image_source import OWN_FOLDER

BASE_IMAGE = "debian:trixie-slim"
APT_SOURCES_VARIABLE = "COLORDRILL_APT_SOURCES"
"""Names a sources.list whose Debian mirror builds use, where the default one is out of reach."""

_BUILD_LIMIT_S = 1800
_REPORT_S = 20
_ANSWER_LIMIT_S = 30.0
_STOP_LIMIT_S = 10.0
_LAST_LINES = 25

_CA_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)
_LENT_VARIABLES = (
    *("GOPROXY", "GOSUMDB", "GONOSUMDB", "GONOPROXY", "GOPRIVATE"),
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"),
    *("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)
_UNREACHABLE = (
    *("could not resolve", "temporary failure resolving", "no such host", "connection refused"),
    *("i/o timeout", "connection timed out", "certificate verify failed", "x509:"),
)
_PIP_CONFIGURATIONS = ("~/.config/pip/pip.conf", "~/.pip/pip.conf", "/etc/pip.conf")


def docker_output(
    arguments: list[str], *, limit_s: float = _ANSWER_LIMIT_S, missing_is_fine: bool = False
) -> str:
    """Run a docker command and return what it printed.

    Args:
        arguments: what follows ``docker``.
        limit_s: how long it may take.
        missing_is_fine: return the output also when the command failed because something that
            it names is absent or in use.

    Raises:
        EnvironmentProblem: there is no client, no engine, or the command failed.
    """
    what = f"docker {' '.join(arguments[:2])}"
    try:
        result = subprocess.run(
            ["docker", *arguments], capture_output=True, text=True, timeout=limit_s, check=False
        )
    except FileNotFoundError as error:
        raise EnvironmentProblem(
            "there is no docker command on this machine", "run ci/prepare; see `colordrill doctor`"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise EnvironmentProblem(
            f"`{what}` did not end within {limit_s:.0f} s", "see `colordrill doctor`"
        ) from error
    if result.returncode == 0 or (missing_is_fine and _answered(result.stderr)):
        return result.stdout
    raise EnvironmentProblem(
        f"`{what}` failed: {result.stderr.strip() or result.returncode}", "see `colordrill doctor`"
    )


def build(
    folder: Path,
    *,
    contexts: tuple[str, ...],
    reference: str,
    label: str,
    arguments: Mapping[str, str],
    log: Path,
    tell: Callable[[str], None],
) -> None:
    """Build one image from a staged folder.

    Args:
        folder: holds ``image/`` with the Dockerfile and one folder per named context.
        contexts: the names of those.
        reference: the tag to give.
        label: ``key=value`` to put on the image.
        arguments: build arguments.
        log: receives everything that the build prints.
        tell: called every 20 s while it runs.

    Raises:
        EnvironmentProblem: the build failed or took longer than 30 minutes; ends with the log's
            last lines.
    """
    command = ["docker", "buildx", "build", "--load", "--progress=plain"]
    command += ["--tag", reference, "--label", label, "--build-arg", f"BASE={BASE_IMAGE}"]
    for key, value in sorted(arguments.items()):
        command += ["--build-arg", f"{key}={value}"]
    for name in contexts:
        command += ["--build-context", f"{name}={folder / name}"]
    log.parent.mkdir(parents=True, exist_ok=True)
    with _secrets() as secrets:
        status = _run([*command, *secrets, str(folder / OWN_FOLDER)], log, tell)
    if status != 0:
        raise EnvironmentProblem(_failure(reference, status, log), _advice(log))


def ca_bundle(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The certificate authorities that this host trusts, in one file; None when there is none."""
    for name in (environment.get("SSL_CERT_FILE", ""), *_CA_BUNDLES):
        if name and Path(name).is_file():
            return Path(name)
    return None


def lent_environment(environment: Mapping[str, str], pip_index: str | None) -> str:
    """Shell assignments of the host's package indexes and proxies, for the secret ``env``.

    uv does not read pip's configuration, so a private index that is configured for pip only is
    named to it as well.
    """
    lent = {name: environment[name] for name in _LENT_VARIABLES if environment.get(name)}
    index = lent.get("PIP_INDEX_URL") or pip_index
    if index:
        lent.setdefault("PIP_INDEX_URL", index)
        if "UV_INDEX_URL" not in lent:
            lent.setdefault("UV_DEFAULT_INDEX", index)
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in lent.items())


def pip_index_url(environment: Mapping[str, str] = os.environ) -> str | None:
    """The package index of pip's configuration files; None where pip uses the public one."""
    candidates = [environment.get("PIP_CONFIG_FILE", ""), *_PIP_CONFIGURATIONS]
    for name in filter(None, candidates):
        parser = configparser.RawConfigParser()
        # a file that pip itself could not read either is none of our business
        with contextlib.suppress(configparser.Error, OSError, UnicodeDecodeError):
            parser.read(Path(name).expanduser(), encoding="utf-8")
            index = parser.get("global", "index-url", fallback="")
            if index:
                return index
    return None


@contextmanager
def _secrets() -> Iterator[list[str]]:
    """The build's ``--secret`` options; the file with the indexes lives as long as the block."""
    options: list[str] = []
    bundle = ca_bundle()
    if bundle:
        options += ["--secret", f"id=ca,src={bundle}"]
    sources = os.environ.get(APT_SOURCES_VARIABLE)
    if sources:
        if not Path(sources).is_file():
            raise EnvironmentProblem(
                f"{APT_SOURCES_VARIABLE} names {sources}, which is not a file",
                "let it name a sources.list for Debian trixie, or unset it",
            )
        options += ["--secret", f"id=apt,src={sources}"]
    # mode 0600 by default: an index address may hold a password
    with tempfile.NamedTemporaryFile("w", prefix="colordrill-env-") as file:
        text = lent_environment(os.environ, pip_index_url())
        if text:
            file.write(text)
            file.flush()
            options += ["--secret", f"id=env,src={file.name}"]
        yield options


def _run(command: list[str], log: Path, tell: Callable[[str], None]) -> int:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # a group of its own: Ctrl-C reaches us first, and we end the build in order
            start_new_session=True,
        )
        try:
            for _ in range(_BUILD_LIMIT_S // _REPORT_S):
                try:
                    return process.wait(timeout=_REPORT_S)
                except subprocess.TimeoutExpired:
                    tell("still building")
            raise EnvironmentProblem(
                f"the build did not end within {_BUILD_LIMIT_S} s", f"read {log}"
            )
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    for stop in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, stop)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_STOP_LIMIT_S)
            return


def _failure(reference: str, status: int, log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_LINES:]
    tail = "\n".join(f"  | {line}" for line in lines)
    return f"building {reference} failed with exit code {status}; the end of its log:\n{tail}"


def _advice(log: Path) -> str:
    text = log.read_text(encoding="utf-8", errors="replace").lower()
    if "no space left on device" in text:
        return "free disk space (`docker builder prune`, `docker image prune`) and run this again"
    if any(sign in text for sign in _UNREACHABLE):
        return f"check that this host reaches its package registries, then run this again ({log})"
    return f"read {log}; `colordrill doctor` shows what this machine lacks"


def _answered(message: str) -> bool:
    lowered = message.lower()
    return "no such image" in lowered or "conflict" in lowered or "no such object" in lowered
