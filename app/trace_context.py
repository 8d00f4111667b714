"""The trace that a request belongs to, as its client says: W3C Trace Context, level 1 (`traceparent`)."""

from __future__ import annotations

import re
from collections.abc import Iterable

_TRACEPARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace_id>[0-9a-f]{32})-(?P<parent_id>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<rest>-.*)?"
)


def ids(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """`trace_id` and `parent_span_id` of the one `traceparent` among a request's headers; nothing where there is no valid one.

    Of a version to come the part is read that version 00 has, as the specification demands.
    """
    given = [value for name, value in headers if name == b"traceparent"]
    if len(given) != 1:
        return {}
    found = _TRACEPARENT.fullmatch(given[0].decode("latin-1"))
    if found is None or found["version"] == "ff" or (found["version"] == "00" and found["rest"] is not None):
        return {}
    trace_id, parent_id = found["trace_id"], found["parent_id"]
    if not trace_id.strip("0") or not parent_id.strip("0"):
        return {}
    return {"trace_id": trace_id, "parent_span_id": parent_id}
