"""Real signals, sent to a process of its own: the first stops, none stops a shielded block."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from colordrill.interrupts import interruptible, shielded

LIMIT_S = 30

PREAMBLE = """
import os, signal, threading
from colordrill.interrupts import interruptible, shielded

def interrupt(number=signal.SIGINT):
    # delivered to this very thread before os.kill returns
    os.kill(os.getpid(), number)

def tell(text):
    print(text, flush=True)

"""


def told(body: str) -> tuple[list[str], str]:
    """What a process that runs *body* prints, and its standard error."""
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE + textwrap.dedent(body)],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=True,
    )
    return done.stdout.splitlines(), done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_stops_the_block_at_once(number: signal.Signals) -> None:
    lines, errors = told(f"""
        try:
            with interruptible():
                interrupt(signal.{number.name})
                tell("went on")
        except KeyboardInterrupt:
            tell("stopped")
    """)

    assert lines == ["stopped"]
    assert errors == ""


def test_a_signal_inside_a_shield_is_held_back_until_its_end() -> None:
    lines, errors = told("""
        try:
            with interruptible():
                with shielded():
                    interrupt()
                    tell("healed whole")
                tell("went on")
        except KeyboardInterrupt:
            tell("stopped")
    """)

    assert lines == ["healed whole", "stopped"]
    assert "stopping already" in errors


def test_nested_shields_hold_a_signal_back_until_the_outermost_ends() -> None:
    lines, _ = told("""
        try:
            with interruptible():
                with shielded():
                    with shielded():
                        interrupt()
                    tell("inner ended")
                tell("went on")
        except KeyboardInterrupt:
            tell("stopped")
    """)

    assert lines == ["inner ended", "stopped"]


def test_signals_after_the_first_are_only_messages() -> None:
    lines, errors = told("""
        with interruptible():
            try:
                interrupt()
            except KeyboardInterrupt:
                tell("stopped")
            interrupt()
            interrupt(signal.SIGTERM)
            with shielded():
                interrupt()
                tell("healed")
            tell("removed")
    """)

    assert lines == ["stopped", "healed", "removed"]
    assert errors.count("stopping already") == 3


def test_a_held_back_signal_stops_a_shielded_block_that_failed_and_keeps_its_error() -> None:
    lines, _ = told("""
        try:
            with interruptible(), shielded():
                interrupt()
                raise ValueError("compose was interrupted too")
        except KeyboardInterrupt as stopped:
            tell(repr(stopped.__context__))
    """)

    assert lines == ["ValueError('compose was interrupted too')"]


def test_an_error_inside_a_shield_without_a_signal_is_raised_as_it_is() -> None:
    with pytest.raises(ValueError, match="the cure failed"), shielded():
        raise ValueError("the cure failed")


def test_a_second_run_in_one_process_can_be_interrupted_again() -> None:
    lines, _ = told("""
        for number in range(2):
            try:
                with interruptible():
                    interrupt()
            except KeyboardInterrupt:
                tell(f"stopped {number}")
    """)

    assert lines == ["stopped 0", "stopped 1"]


def test_the_handlers_of_before_are_back_afterwards() -> None:
    lines, _ = told("""
        before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
        try:
            with interruptible():
                raise ValueError
        except ValueError:
            pass
        tell(before == [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)])
    """)

    assert lines == ["True"]


def test_outside_the_main_thread_nothing_is_changed() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[object] = []

    def block() -> None:
        with interruptible():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=block)
    thread.start()
    thread.join()

    assert seen == [before]


def test_a_shield_without_a_signal_changes_nothing() -> None:
    with shielded():
        value = 1

    assert value == 1
