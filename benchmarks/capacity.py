"""What a number of requests per second needs, from what was measured: `python -m benchmarks.capacity`.

Requests per second of a core are the last `make bench`'s; what a request weighs is measured now, on a real one. The rest is arithmetic,
and it ends where something else than the service becomes the bottleneck: deploy/README.md says what.
"""

from __future__ import annotations

import json
import math
import socket
import subprocess
import sys
import time
from dataclasses import dataclass

from benchmarks.serving.upload import ROOT, content_type, uploads

RESULTS = ROOT / "benchmarks" / "results.json"
STEPS = (1_000, 10_000, 100_000, 1_000_000)
"""Requests per second."""
SHARE = 0.6
"""Of a core's peak to plan with: when one of three zones is lost, the others carry it all at 90 %."""
LOOK_S = 60
"""WARDROBE_RELOAD_SECONDS of a service whose models lie in an object store."""
PATIENCE_S = 60


@dataclass(frozen=True)
class Weight:
    """Bytes that one request moves: on the wire without TCP's and IP's headers, and in the log."""

    request: int
    answer: int
    log: int


def main() -> None:
    """Print what was measured, and the table."""
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    print(table(results, weigh()))


def table(results: dict, weight: Weight) -> str:  # type: ignore[type-arg]  # as it was read
    """The steps, as Markdown."""
    peak = results["contestants"]["wardrobe"]["saturated"]["16"]["requests_per_s"]
    megabytes = results["contestants"]["wardrobe"]["resident_mb"]
    bulk = results["scaling"]["bulk"]
    planned = SHARE * peak
    lines = [
        f"Measured: {peak:,.0f} requests/s on one core at its peak ({results['date']}, {results['machine']['cpu']}), "
        f"{megabytes:.0f} MB a worker; "
        f"{bulk['png_per_s']:,.0f} PNG files/s in batches, {bulk['tensors_per_s']:,.0f} images/s as tensors; "
        f"a request of {weight.request:,} bytes, its answer of {weight.answer:,}, its log line of {weight.log:,}.",
        "",
        f"| requests/s | cores, {planned:,.0f} requests/s each | memory | in / out | log lines | listings of the store |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for rate in STEPS:
        cores = math.ceil(rate / planned)
        inward, outward = (8e-9 * rate * each for each in (weight.request, weight.answer))
        lines.append(
            f"| {rate:,} | {cores:,} | {cores * megabytes / 1000:.1f} GB | {inward:.2g} / {outward:.2g} Gbit/s "
            f"| {rate * weight.log * 86_400 / 1e12:.2g} TB a day | {cores / LOOK_S:.2g} a second |"
        )
    return "\n".join(lines)


def weigh() -> Weight:
    """Send one request to a service on the committed models, as the benchmark does."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    upload = uploads()[0]
    body = upload.body("multipart")
    head = (f"Host: 127.0.0.1:{port}", f"Content-Type: {content_type('multipart')}", f"Content-Length: {len(body)}")
    request = "\r\n".join(("POST /predict HTTP/1.1", *head, "", "")).encode() + body
    command = [sys.executable, "-m", "app", "--port", str(port), "--drain-seconds", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            answer = _exchange(port, request)
        finally:
            server.terminate()
        assert server.stdout
        [line] = [each for each in server.stdout if '"message": "request"' in each]
    if not upload.is_answered_by(answer.partition(b"\r\n\r\n")[2]):
        raise SystemExit(f"the service gave no right answer: {answer.decode(errors='replace')}")
    return Weight(len(request), len(answer), len(line.encode()))


def _exchange(port: int, request: bytes) -> bytes:
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
                connection.sendall(request)
                answer = connection.recv(65536)
                head, _, content = answer.partition(b"\r\n\r\n")
                [length] = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
                while len(content) < length:
                    content += connection.recv(65536)
                return head + b"\r\n\r\n" + content
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


if __name__ == "__main__":
    main()
