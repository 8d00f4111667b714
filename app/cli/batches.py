"""Many files as bounded batches, answered side by side and handed on in order: memory does not grow with their number."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from app.cli.answering import Answer, Classify, problem
from app.cli.sources import read
from app.errors import RequestError

FRAME_BYTES = 512
"""More than a multipart body needs around one file."""

Batch = list[tuple[str, bytes | RequestError]]
"""Each file with its content, or with why it can't be read."""
Answered = list[tuple[str, Answer]]
"""Each file with what is said of it."""


def batches(files: Iterable[str], most: int, max_bytes: int) -> Iterator[Batch]:
    """At most `most` files, and of several no more than `max_bytes` together as one request's body."""
    batch: Batch = []
    size = 0
    for file in files:
        content = _content(file, max_bytes)
        more = FRAME_BYTES + (len(content) if isinstance(content, bytes) else 0)
        if batch and (len(batch) == most or size + more > max_bytes):
            yield batch
            batch, size = [], 0
        batch.append((file, content))
        size += more
    if batch:
        yield batch


def answered(waiting: Iterable[Batch], classify: Classify, threads: int) -> Iterator[Answered]:
    """The batches' answers in order; `threads` batches are worked on at once while the next is read.

    Raises:
        UnavailableError: See `Classify`.
    """
    workers = ThreadPoolExecutor(threads)
    ahead: deque[Future[Answered]] = deque()
    try:
        for batch in waiting:
            ahead.append(workers.submit(_answer, batch, classify))
            if len(ahead) > threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        workers.shutdown(wait=False, cancel_futures=True)


def _content(file: str, at_most: int) -> bytes | RequestError:
    try:
        return read(file, at_most)
    except RequestError as error:
        return error


def _answer(batch: Batch, classify: Classify) -> Answered:
    images = [content for _, content in batch if isinstance(content, bytes)]
    answers = iter(classify(images) if images else ())
    return [(file, next(answers) if isinstance(content, bytes) else problem(content)) for file, content in batch]
