"""One round: every contestant in turn is started, loaded, measured and stopped."""

from __future__ import annotations

from typing import Any

from benchmarks.serving import constant_rate, saturation
from benchmarks.serving.contestants import Contestant
from benchmarks.serving.server import Server
from benchmarks.serving.upload import Upload

SERVER_CORE, LOAD_CORE = "0", "1"
CONNECTIONS = (1, 16, 64)
RATES = (100, 400, 1000)
"""Requests per second; a rate that a contestant can't take at all is left out."""
OF_PEAK = 0.8
WARM_UP_S = 2


def measure(contestant: Contestant, uploads: list[Upload], seconds: float) -> dict[str, Any]:
    """What one contestant does in one round; answers are checked before, under and after load.

    Raises:
        RuntimeError: An answer was wrong, or none came.
    """
    boot = uploads[0]
    with Server(contestant, boot, SERVER_CORE) as server:
        _check(server, uploads)
        saturation.saturate(server, boot, 16, WARM_UP_S, LOAD_CORE)
        found: dict[str, Any] = {
            "start_s": server.seconds_to_first_answer,
            "saturated": {str(each): saturation.saturate(server, boot, each, seconds, LOAD_CORE) for each in CONNECTIONS},
        }
        if not contestant.ceiling:
            peak = found["saturated"]["16"]["requests_per_s"]
            found["at_rate"] = {
                str(rate): constant_rate.latencies(server, rate, seconds, LOAD_CORE) for rate in RATES if rate < OF_PEAK * peak
            }
            found["at_80_percent"] = constant_rate.latencies(server, OF_PEAK * peak, seconds, LOAD_CORE)
        found["resident_mb"] = server.resident_megabytes()
        _check(server, uploads)
    return found


def _check(server: Server, uploads: list[Upload]) -> None:
    for upload in uploads[:1] if server.contestant.ceiling else uploads:
        if not server.is_right(upload):
            raise RuntimeError(f"{server.contestant.title} is wrong about the {upload.label}")
