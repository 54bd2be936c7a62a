from __future__ import annotations

from pathlib import Path

import pytest

from colordrill.errors import UsageProblem
from colordrill.scenario.notify import SECRET_BYTES_MAX, NotifySpec
from colordrill.scenario.settings import CONFIG_FILE, Settings, load_settings, settings_of

URL = "https://hooks.example.org/colordrill"


def configured(directory: Path, text: str, secret: bytes | None = b"from the file\n") -> Path:
    (directory / CONFIG_FILE).write_text(text, encoding="utf-8")
    if secret is not None:
        (directory / "secret").write_bytes(secret)
    return directory


def in_environment(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"COLORDRILL_NOTIFY_{name.upper()}", value)


def notify_of(directory: Path) -> NotifySpec:
    spec = load_settings({}, directory).notify
    assert spec is not None
    return spec


def test_nobody_is_told_unless_somebody_is_named(tmp_path: Path) -> None:
    assert load_settings({}, tmp_path).notify is None


def test_a_file_names_the_receiver_and_a_secret_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(tmp_path, f'[notify]\nurl = "{URL}"\nsecret_file = "secret"\n')
    monkeypatch.chdir("/")

    assert notify_of(tmp_path) == NotifySpec(URL, b"from the file")


def test_the_environment_wins_over_the_file_for_each_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(tmp_path, f'[notify]\nurl = "{URL}"\nsecret_file = "absent"\n')

    in_environment(monkeypatch, secret="from the environment")  # noqa: S106 (a test's)
    assert notify_of(tmp_path) == NotifySpec(URL, b"from the environment")

    in_environment(monkeypatch, secret="", secret_file=str(tmp_path / "secret"), url=f"{URL}/2")
    assert notify_of(tmp_path) == NotifySpec(f"{URL}/2", b"from the file")


def test_an_empty_variable_counts_as_not_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_environment(monkeypatch, url="", secret="", secret_file="")

    assert load_settings({}, tmp_path).notify is None


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "example.org/hook",
        "//example.org",
        "https://",
        "https:///hook",
        "https://user:opensesame@",
        "https://user:opens#esame@example.org/",
        "https://example.org:0/",
        "https://example.org:99999/",
        "https://example.org:port/",
        "https://[::1/",
        "https://exa mple.org/",
        "https://example.org/\r\nX-Evil: 1",
        "https://例え.jp/",
        f"https://example.org/{'x' * 3000}",
    ],
)
def test_an_address_that_cannot_be_posted_to_is_refused_and_no_password_repeated(url: str) -> None:
    with pytest.raises(UsageProblem, match=r"notify\.url") as caught:
        NotifySpec(url, b"secret")

    assert "opens" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "receiver"),
    [
        ("https://hooks.example.org/T0KEN", "https://hooks.example.org"),
        ("http://ops:opensesame@example.org:8080/?key=1#x", "http://example.org:8080"),
        ("http://[::1]:9/hook", "http://[::1]:9"),
        ("http://127.0.0.1", "http://127.0.0.1"),
    ],
)
def test_people_see_where_notices_go_without_what_could_be_secret(url: str, receiver: str) -> None:
    spec = NotifySpec(url, b"secret")

    assert spec.receiver == receiver
    assert repr(spec) == "NotifySpec()"


@pytest.mark.parametrize("content", [b"", b"\n", b" \t\r\n", b"x" * (SECRET_BYTES_MAX + 1)])
def test_a_file_without_a_usable_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    configured(tmp_path, f'[notify]\nurl = "{URL}"\nsecret_file = "secret"\n', content)

    with pytest.raises(UsageProblem, match="the secret for notices") as caught:
        load_settings({}, tmp_path)

    assert "openssl" in caught.value.next_step


def test_the_longest_secret_and_bytes_that_are_no_text_are_taken(tmp_path: Path) -> None:
    secret = b"\xff" * SECRET_BYTES_MAX
    configured(tmp_path, f'[notify]\nurl = "{URL}"\nsecret_file = "secret"\n', secret + b"\n")

    assert notify_of(tmp_path).secret == secret


@pytest.mark.parametrize("name", ["absent", ".", "/dev/zero"])
def test_a_secret_that_is_in_no_file_is_refused(tmp_path: Path, name: str) -> None:
    configured(tmp_path, f'[notify]\nurl = "{URL}"\nsecret_file = "{name}"\n')

    with pytest.raises(UsageProblem, match="is no file"):
        load_settings({}, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "notify = 5",
        'notify = "https://example.org"',
        "[[notify]]\nurl = 'https://example.org'",
        "[notify]\nurl = 5",
        "[notify]\nurl = ''",
        "[notify]\nurl = 'https://example.org'",
        "[notify]\nsecret_file = 'secret'",
        "[notify]\nurl = 'https://example.org'\nsecret_file = 'secret'\nuri = 'x'",
    ],
)
def test_a_table_that_is_wrong_or_half_is_a_usage_problem(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageProblem):
        load_settings({}, configured(tmp_path, text))


def test_the_secret_itself_does_not_belong_into_the_file_and_is_not_repeated(
    tmp_path: Path,
) -> None:
    configured(tmp_path, f'[notify]\nurl = "{URL}"\nsecret = "opensesame"\n')

    with pytest.raises(UsageProblem, match=r"notify\.secret") as caught:
        load_settings({}, tmp_path)

    assert "opensesame" not in str(caught.value)


def test_two_secrets_in_the_environment_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_environment(monkeypatch, url=URL, secret="one", secret_file="two")  # noqa: S106 (a test's)

    with pytest.raises(UsageProblem, match="both"):
        load_settings({}, tmp_path)


def test_the_command_that_repeats_a_drill_says_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_environment(monkeypatch, url=URL, secret="opensesame")  # noqa: S106 (a test's)

    settings = load_settings({}, tmp_path)

    assert settings.words() == Settings().words()
    assert "opensesame" not in repr(settings)
    assert URL not in repr(settings)
    assert settings_of({}).notify is None
