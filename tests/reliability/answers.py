"""Whether an answer is the right one."""

from __future__ import annotations

import json
from collections.abc import Callable, Container

import pytest

from tests.data import BOOT
from tests.server import Server


def right(server: Server, model: str, versions: Container[int]) -> Callable[[bytes], bool]:
    """For a `Load` of its standard request: one of these versions answers, and with the probabilities that it gives now."""
    answer = server.http.post(f"/predict?model={model}", files={"file": BOOT.read_bytes()})
    expected = list(answer.raise_for_status().json()["probabilities"].values())

    def is_right(body: bytes) -> bool:
        found = json.loads(body)
        return found["version"] in versions and list(found["probabilities"].values()) == pytest.approx(expected, abs=1e-4)

    return is_right
