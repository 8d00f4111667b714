"""The body of a request or of an answer under `/v1` and `/v2`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Message:
    """A JSON object, and raw tensors after it; `json_length` is None where there are none."""

    body: bytes
    json_length: int | None = None

    @property
    def json_bytes(self) -> int:
        """How many bytes of the body are JSON."""
        return len(self.body) if self.json_length is None else min(self.json_length, len(self.body))
