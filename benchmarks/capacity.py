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
import urllib.request
from dataclasses import dataclass

from benchmarks.serving.upload import ROOT, content_type, uploads

RESULTS = ROOT / "benchmarks" / "results.json"
OFFLINE = ROOT / "benchmarks" / "scoring.json"
STEPS = (1_000, 10_000, 100_000, 1_000_000)
"""Requests per second."""
SHARE = 0.6
"""Of a core's peak to plan with: when one of three zones is lost, the others carry it all at 90 %."""
LOOK_S = 60
"""WARDROBE_RELOAD_SECONDS of a service whose models lie in an object store."""
PRICE_USD = 0.08
"""Assumed, of a core and an hour: two of the virtual ones that clouds sell, each half a core."""
LISTING_USD = 0.005 / 1000
"""Assumed, of listing a bucket once."""
PATIENCE_S = 60


@dataclass(frozen=True)
class Weight:
    """Bytes that one request moves, on the wire without TCP's and IP's headers, and in the log; and a worker's time series after it."""

    request: int
    answer: int
    log: int
    series: int


def main() -> None:
    """Print what was measured, and the table."""
    print(plan(weigh()))


def plan(weight: Weight) -> str:
    """What was measured, the steps, and what a million images a second take otherwise, as Markdown."""
    results, offline = (json.loads(path.read_text(encoding="utf-8")) for path in (RESULTS, OFFLINE))
    peak = results["contestants"]["wardrobe"]["saturated"]["16"]["requests_per_s"]
    megabytes = results["contestants"]["wardrobe"]["resident_mb"]
    bulk = results["scaling"]["bulk"]
    planned = SHARE * peak
    lines = [
        f"Measured: {peak:,.0f} requests/s on one core at its peak ({results['date']}, {results['machine']['cpu']}), "
        f"{megabytes:.0f} MB a worker; "
        f"{bulk['png_per_s']:,.0f} PNG files/s in batches, {bulk['tensors_per_s']:,.0f} images/s as tensors; "
        f"a request of {weight.request:,} bytes, its answer of {weight.answer:,}, its log line of {weight.log:,}; "
        f"{weight.series} time series.",
        "",
        f"| requests/s | cores, {planned:,.0f} each | memory | in / out | log lines | time series | listings of the store | price |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for rate in STEPS:
        cores = math.ceil(rate / planned)
        inward, outward = (8e-9 * rate * each for each in (weight.request, weight.answer))
        lines.append(
            f"| {rate:,} | {cores:,} | {cores * megabytes / 1000:.1f} GB | {inward:.2g} / {outward:.2g} Gbit/s "
            f"| {rate * weight.log * 86_400 / 1e12:.2g} TB a day | {cores * weight.series:,} | {cores / LOOK_S:.2g} a second "
            f"| {cores * PRICE_USD:,.2f} USD an hour |"
        )
    many = {
        "in batches of 256 PNG files": bulk["png_per_s"],
        "as tensors": bulk["tensors_per_s"],
        "offline": offline["inputs"]["NPY"]["images_per_s"],
    }
    cores_for = ", ".join(f"{math.ceil(STEPS[-1] / (SHARE * rate)):,} cores {way}" for way, rate in many.items())
    cores = math.ceil(STEPS[-1] / planned)
    listings = ", ".join(f"{cores / each * 86_400 * LISTING_USD:,.0f} USD a day where they look every {each} s" for each in (LOOK_S, 5))
    lines += [
        "",
        f"Sent together, {STEPS[-1]:,} images a second take {cores_for}. {STEPS[-1]:,} requests cost {cores * PRICE_USD / 3600:.3f} USD; "
        f"listings by {cores:,} workers {listings}.",
    ]
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
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/telemetry", timeout=PATIENCE_S) as telemetry:
                series = sum(not line.startswith(b"#") for line in telemetry)
        finally:
            server.terminate()
        assert server.stdout
        [line] = [each for each in server.stdout if '"path": "/predict"' in each]
    if not upload.is_answered_by(answer.partition(b"\r\n\r\n")[2]):
        raise SystemExit(f"the service gave no right answer: {answer.decode(errors='replace')}")
    return Weight(len(request), len(answer), len(line.encode()), series)


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
