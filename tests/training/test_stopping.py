"""Stopping: a signal reaches the command even where Python forgets what it raised, and nothing of the arrangement stays."""

from __future__ import annotations

import signal
import sys
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from training.stopping import Stopped, stoppable

SIGNALS = [signal.SIGINT, signal.SIGTERM]


class Thing:
    """What a weak reference can point at."""


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """A shell's background job, such as a test run that was put there, ignores SIGINT."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)


def arrangement() -> list[Any]:
    return [sys.unraisablehook, *(signal.getsignal(number) for number in (*SIGNALS, signal.SIGALRM))]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_the_block_with_its_exit_status(number: signal.Signals) -> None:
    before = arrangement()
    with pytest.raises(Stopped) as caught, stoppable():
        signal.raise_signal(number)
    assert caught.value.exit_status == 128 + number
    assert arrangement() == before


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_strikes_where_errors_are_forgotten_is_sent_again(number: signal.Signals, capfd: pytest.CaptureFixture[str]) -> None:
    before = arrangement()
    thing, struck = Thing(), []

    def strike(_reference: object) -> None:
        struck.append(number)
        signal.raise_signal(number)

    reference = weakref.ref(thing, strike)

    def command() -> None:
        nonlocal thing
        with stoppable():
            del thing
            assert struck == [number]  # reached: the callback's error ended nothing
            while True:
                signal.pause()  # until the signal comes again

    with pytest.raises(Stopped) as caught:
        command()
    assert reference() is None
    assert caught.value.exit_status == 128 + number
    assert capfd.readouterr().err == ""
    assert arrangement() == before


def test_other_forgotten_errors_are_reported_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", reported.append)
    thing = Thing()

    def fail(_reference: object) -> None:
        raise ValueError("forgotten")

    reference = weakref.ref(thing, fail)
    with stoppable():
        del thing
    assert reference() is None
    assert [str(each.exc_value) for each in reported] == ["forgotten"]


def test_an_ignored_interrupt_stays_ignored() -> None:
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stoppable():
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, handler)


def test_a_block_that_ends_by_itself_leaves_no_alarm() -> None:
    before = arrangement()
    with stoppable():
        assert signal.getsignal(signal.SIGTERM) != before[2]
    assert arrangement() == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
