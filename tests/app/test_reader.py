"""Large JSON is read in a process of its own, to the same outcome, whatever becomes of the process."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

from app import open_inference, reader, tf_serving
from app.errors import InterruptedReadError, RequestError
from app.message import Message
from app.reader import IDLE_S, KEPT_BYTES, LARGE_BYTES, Reader
from tests import data
from tests.server import ROOT

MANY = LARGE_BYTES + 1
IMAGES, _ = data.load()
SOME = IMAGES[:3].tolist()
read_v1 = partial(tf_serving.read, at_most=100, max_pixels=784)
read_v2 = partial(open_inference.read, at_most=100)


@pytest.fixture
def used() -> Iterator[Reader]:
    made = Reader()
    yield made
    made.close()


def test_a_little_is_read_at_once(used: Reader) -> None:
    assert used.call(os.getpid, LARGE_BYTES) == os.getpid()


def test_much_is_read_in_one_process(used: Reader) -> None:
    processes = [used.call(os.getpid, size) for size in (MANY, MANY, KEPT_BYTES)]
    assert len({os.getpid(), *processes}) == 2


def test_its_memory_is_given_back_after_a_great_deal(used: Reader) -> None:
    first = used.call(os.getpid, KEPT_BYTES + 1)
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)
    assert used.call(os.getpid, MANY) != first


def test_what_it_closes_is_gone(used: Reader) -> None:
    process = used.call(os.getpid, MANY)
    used.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


INFER = {"name": "image", "shape": [3, 28, 28, 1], "datatype": "UINT8"}


@pytest.mark.parametrize(
    ("read", "content"),
    [
        (read_v1, {"instances": SOME}),
        (read_v1, {"inputs": {"image": SOME}}),
        (read_v2, {"id": "7", "inputs": [{**INFER, "data": SOME}], "outputs": [{"name": "logits", "parameters": {"classification": 2}}]}),
        (read_v2, {"parameters": {"binary_data_output": True}, "inputs": [{**INFER, "data": IMAGES[:3].ravel().tolist()}]}),
        (read_v2, {"id": "7", "outputs": [{"name": "logits"}], "inputs": [{**INFER, "data": SOME}], "x": " " * 64_000}),
    ],
)
def test_the_images_and_what_is_asked_are_the_same(used: Reader, read: Callable[[Message], Any], content: dict[str, Any]) -> None:
    message = Message(json.dumps(content).encode())
    here, there = read(message), used.call(partial(read, message), MANY)
    np.testing.assert_array_equal(here.images, IMAGES[:3].reshape(-1, 28, 28, 1))
    np.testing.assert_array_equal(there.images, here.images)
    assert {**vars(there), "images": None} == {**vars(here), "images": None}


@pytest.mark.parametrize(
    ("read", "content"),
    [
        (read_v1, b'{"instances": [[[1, 2'),
        (read_v1, b'{"instances": [[1, 2]]}'),
        (read_v1, b'{"instances": [{"b64": "aGVsbG8="}]}'),
        (read_v2, b'{"inputs": 7}'),
        (read_v2, b'{"inputs": [{"name": "image", "shape": [1], "datatype": "UINT8", "data": [256]}]}'),
    ],
)
def test_so_are_the_words_for_what_is_wrong(used: Reader, read: Callable[[Message], Any], content: bytes) -> None:
    errors = []
    for size in (LARGE_BYTES, MANY):
        with pytest.raises(RequestError) as caught:
            used.call(partial(read, Message(content)), size)
        errors.append((type(caught.value), str(caught.value)))
    assert errors[0] == errors[1]


def great(size: int, head: bytes, unit: bytes, tail: bytes) -> bytes:
    """JSON of about `size` bytes whose values take as much memory as they can."""
    return head + b",".join([unit] * (size // (len(unit) + 1))) + tail


@pytest.mark.parametrize(
    "content",
    [
        great(2**22, b'{"inputs": [', b"0", b"]}"),
        great(2**22, b'{"inputs": [', b"{}", b"]}"),
        great(2**22, b'{"inputs": [], "parameters": {"x": [', b"{}", b"]}}"),
    ],
)
def test_what_is_no_tensor_is_short(content: bytes) -> None:
    """Checked and refused one by one, 40 MB of it took 5 GB."""
    with pytest.raises(RequestError, match="bytes beside its tensors and may have 65,536"):
        read_v2(Message(content))


@pytest.mark.parametrize(
    "content",
    [
        b"7",
        b'{"inputs": {}}',
        b'{"inputs": [7]}',
        b'{"inputs": [{"data": [1]}]}',
        b'{"inputs": [{"name": "image", "shape": [1], "datatype": "UINT8", "data": {"a": 1}}]}',
        b'{"inputs": [{"name": "image", "shape": [1, 28, 28, 1], "datatype": "UINT8", "data": [1, 2]}]}',
        b'{"inputs": [{"name": "image", "shape": [1, 28, 28, 1], "datatype": "UINT8"}]}',
        b'{"inputs": [{"name": "a", "shape": [1], "datatype": "UINT8", "data": [1]}, {"name": "b", "shape": [1], "datatype": "UINT8"}]}',
        b'{"inputs": [], "outputs": 7}',
        b'{"inputs": [], x}',
    ],
)
def test_a_long_request_is_refused_as_a_short_one_is(content: bytes) -> None:
    """Blanks make it long, and change nothing."""
    found = []
    for blanks in (0, open_inference.MOST_BESIDE):
        with pytest.raises(RequestError) as caught:
            read_v2(Message(content + b" " * blanks))
        found.append(str(caught.value))
    assert found[0] == found[1]


@pytest.mark.parametrize("end", [partial(signal.raise_signal, signal.SIGKILL), partial(os._exit, 0), partial(int, "x")])
def test_its_end_is_one_requests_and_the_next_has_another(used: Reader, end: Callable[[], Any]) -> None:
    """By the kernel for want of memory, quietly, or by a mistake of ours."""
    with pytest.raises(InterruptedReadError, match=f"that read the {MANY:,} bytes of JSON was ended, perhaps for lack of memory"):
        used.call(end, MANY)
    assert used.call(os.getpid, MANY) != os.getpid()


def test_one_that_was_killed_at_rest_is_noticed_beforehand(used: Reader) -> None:
    first = used.call(os.getpid, MANY)
    os.kill(first, signal.SIGKILL)
    while used._process and used._process.poll() is None:
        time.sleep(0.01)
    assert used.call(os.getpid, MANY) != first


def test_one_that_hangs_is_killed(used: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    used.call(os.getpid, MANY)
    monkeypatch.setattr(reader, "LONGEST_S", 0.2)
    with pytest.raises(InterruptedReadError):
        used.call(partial(time.sleep, 600), MANY)


def test_the_services_signals_do_not_end_it(used: Reader) -> None:
    """Ctrl-C goes to a terminal's whole group; what is in flight is finished all the same."""
    first = used.call(os.getpid, MANY)
    for each in (signal.SIGINT, signal.SIGTERM):
        os.kill(first, each)
    assert used.call(os.getpid, MANY) == first


def test_a_print_is_no_answer(used: Reader) -> None:
    assert used.call(partial(print, "x"), MANY) is None
    assert used.call(os.getpid, MANY) != os.getpid()


def test_at_rest_it_ends(used: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the kernel's alarm; one that may be about to end is no longer used."""
    program = "from app import reader; reader.IDLE_S = 1; reader.main()"
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        pickle.dump(os.getpid, process.stdin)
        process.stdin.flush()
        assert pickle.load(process.stdout) == process.pid  # noqa: S301
        assert process.wait(timeout=30) == -signal.SIGALRM
    first = used.call(os.getpid, MANY)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + IDLE_S)
    assert used.call(os.getpid, MANY) != first
