"""Where notices to administrators go, as a file's table ``[notify]`` and the environment say it.

There is no option for it: a command line is seen by everybody on the machine and is repeated in
records, and both the address and the secret are nobody else's business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from colordrill.errors import UsageProblem

NOTIFY_PREFIX = "COLORDRILL_NOTIFY_"
URL, SECRET_FILE, SECRET = "url", "secret_file", "secret"
SECRET_BYTES_MAX = 4096
_TABLE_KEYS = (URL, SECRET_FILE)
_VARIABLE_KEYS = (URL, SECRET_FILE, SECRET)
_ADDRESS = re.compile(r"https?://[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]{1,2000}")
_EXAMPLE = "an example: https://hooks.example.org/colordrill"


@dataclass(frozen=True, slots=True)
class NotifySpec:
    """Who gets notices, and what signs them; neither is ever printed.

    Attributes:
        url: the receiver's whole address; may hold a password, or a token in its path or query.
        secret: the key of the signatures.

    Raises:
        UsageProblem: the address is none of http or https, or the secret is empty or too long.
    """

    url: str = field(repr=False)
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what could never be sent, without repeating it: it may be a password."""
        if not _ADDRESS.fullmatch(self.url) or not _host(self.url):
            raise UsageProblem(
                "notify.url is no address with http:// or https://, a host and, at most, a port, "
                "a path and a query in ASCII",
                _EXAMPLE,
            )
        if not self.secret:
            raise UsageProblem("the secret for notices is empty", _HOW_TO_MAKE_A_SECRET)
        if len(self.secret) > SECRET_BYTES_MAX:
            raise UsageProblem(
                f"the secret for notices is longer than {SECRET_BYTES_MAX} bytes",
                _HOW_TO_MAKE_A_SECRET,
            )

    @property
    def receiver(self) -> str:
        """The receiver for people: scheme, host and port, nothing that could be a secret."""
        return f"{urlsplit(self.url).scheme}://{_host(self.url)}"


_HOW_TO_MAKE_A_SECRET = "make one with: openssl rand -hex 32"  # noqa: S105 (how to make one)


def from_table(table: object, path: Path) -> dict[str, str]:
    """The values of the table ``[notify]`` of the file *path*; its paths are meant from there.

    Raises:
        UsageProblem: it is no table, a key is unknown, or a value is no text.
    """
    if not isinstance(table, dict):
        raise UsageProblem(f"{path}: notify is not a table", _settable())
    for key, value in table.items():
        if key not in _TABLE_KEYS:
            raise UsageProblem(f"{path}: there is no setting notify.{key}", _settable())
        if not isinstance(value, str) or not value:
            raise UsageProblem(f"{path}: notify.{key} must be a text that is not empty")
    values: dict[str, str] = dict(table)
    if SECRET_FILE in values:
        values[SECRET_FILE] = str(path.parent / values[SECRET_FILE])
    return values


def from_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The values of the variables ``COLORDRILL_NOTIFY_…``; an empty one counts as not given.

    Raises:
        UsageProblem: both the secret and its file are given.
    """
    given = {key: environment.get(NOTIFY_PREFIX + key.upper(), "") for key in _VARIABLE_KEYS}
    values = {key: value for key, value in given.items() if value}
    if SECRET in values and SECRET_FILE in values:
        raise UsageProblem(
            f"both {NOTIFY_PREFIX}SECRET and {NOTIFY_PREFIX}SECRET_FILE are set", "set one of them"
        )
    return values


def build_notify(*sources: Mapping[str, str]) -> NotifySpec | None:
    """What *sources* say together, later ones winning; None where nobody is to be told.

    A source that gives a secret takes the place of the file that an earlier one named.

    Raises:
        UsageProblem: there is an address without a secret or a secret without an address, the file
            cannot be read, or a value cannot be.
    """
    chosen: dict[str, str] = {}
    for source in sources:
        if SECRET in source or SECRET_FILE in source:
            chosen.pop(SECRET, None)
            chosen.pop(SECRET_FILE, None)
        chosen.update(source)
    if not chosen:
        return None
    if URL not in chosen:
        raise UsageProblem(
            "there is a secret for notices, and no address to send them to",
            f"set notify.url or {NOTIFY_PREFIX}URL, or remove the secret",
        )
    if SECRET in chosen:
        return NotifySpec(chosen[URL], _trimmed(chosen[SECRET].encode(errors="surrogateescape")))
    if SECRET_FILE in chosen:
        return NotifySpec(chosen[URL], _read(Path(chosen[SECRET_FILE])))
    raise UsageProblem(
        "notices are signed, and there is no secret to sign them with",
        f"set notify.secret_file or {NOTIFY_PREFIX}SECRET_FILE; {_HOW_TO_MAKE_A_SECRET}",
    )


def _read(path: Path) -> bytes:
    if not path.is_file():
        # a device or a pipe could be read for ever
        raise UsageProblem(f"the secret for notices: {path} is no file", "name the file it is in")
    try:
        with path.open("rb") as file:
            return _trimmed(file.read(SECRET_BYTES_MAX + 2))
    except OSError as error:
        raise UsageProblem(
            f"the secret for notices cannot be read: {error}", "see who may read that file"
        ) from error


def _trimmed(secret: bytes) -> bytes:
    """Without the white space around it: editors end a file with a newline that nobody means."""
    return secret.strip()


def _host(url: str) -> str:
    """Host and port of *url*; empty where it has none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return ""
    if not host or port == 0:
        return ""
    shown = f"[{host}]" if ":" in host else host
    return shown if port is None else f"{shown}:{port}"


def _settable() -> str:
    return f"in [notify]: {', '.join(_TABLE_KEYS)}; the secret itself is never in this file"
