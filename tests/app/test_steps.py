from __future__ import annotations

import threading
from contextvars import copy_context

import pytest

from app.steps import Step, Timed, milliseconds, start, took


def test_what_bears_the_same_name_is_added_up() -> None:
    steps = [Step("decode", 1, 1.002, {}), Step("inference", 1.002, 1.0023, {}), Step("inference", 2, 2.5, {})]
    assert milliseconds(steps) == {"decode_ms": 2.0, "inference_ms": 500.3}
    assert milliseconds([]) == {}


def test_each_request_has_its_own() -> None:
    first = start()
    took("decode", 1, 2)
    second = start()
    took("inference", 2, 3, model="cnn")
    assert (first, second) == ([("decode", 1, 2, {})], [("inference", 2, 3, {"model": "cnn"})])


def test_a_thread_that_works_for_a_request_adds_to_it() -> None:
    steps = start()
    thread = threading.Thread(target=copy_context().run, args=(took, "decode", 1, 2))
    thread.start()
    thread.join()
    assert [each.name for each in steps] == ["decode"]


def test_a_step_that_fails_is_timed_too() -> None:
    steps = start()
    with pytest.raises(ZeroDivisionError), Timed("decode"):
        raise ZeroDivisionError
    [step] = steps
    assert step.name == "decode"
    assert step.began <= step.ended


def test_outside_of_a_request_nothing_is_kept() -> None:
    thread = threading.Thread(target=took, args=("decode", 1, 2))  # with a context of its own
    thread.start()
    thread.join()
