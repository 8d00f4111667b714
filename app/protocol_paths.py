"""Where the protocols that other systems defined are served, with the errors and the limits that their clients expect."""

from __future__ import annotations

import re

_PATHS = re.compile(r"/v[12](/|$)")


def is_protocol(path: str) -> bool:
    """Whether the path belongs to TensorFlow Serving's REST API, `/v1`, or to the Open Inference Protocol, `/v2`."""
    return _PATHS.match(path) is not None
