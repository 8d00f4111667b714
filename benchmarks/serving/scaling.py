"""What only Wardrobe is asked: a second worker, a heavy model beside a light one, many images at once."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from typing import Any

from benchmarks.serving import constant_rate, saturation
from benchmarks.serving.contestants import CONTESTANTS
from benchmarks.serving.rounds import LOAD_CORE, SERVER_CORE, WARM_UP_S
from benchmarks.serving.server import Server
from benchmarks.serving.upload import BOUNDARY, ROOT, Upload

WARDROBE = next(each for each in CONTESTANTS if each.name == "wardrobe")
BATCH = 256
LIGHT_RATE, HEAVY_RATE = 200.0, 100.0


def measure(uploads: list[Upload], seconds: float) -> dict[str, Any]:
    """One round of the three."""
    return {"workers": _workers(uploads, seconds), "mixed": _mixed(uploads, seconds), "bulk": _bulk(uploads, seconds)}


def _workers(uploads: list[Upload], seconds: float) -> dict[str, float]:
    """One worker on a core of its own against two on both, which they share with the load generator where there are only two."""
    with Server(WARDROBE, uploads[0], SERVER_CORE) as server:
        one = saturation.saturate(server, uploads[0], 16, seconds, LOAD_CORE)["requests_per_s"]
    with Server(WARDROBE, uploads[0], "0,1", ("--workers", "2")) as server:
        saturation.saturate(server, uploads[0], 16, WARM_UP_S, "0,1")  # the first worker answers before the second is there
        two = saturation.saturate(server, uploads[0], 16, seconds, "0,1")["requests_per_s"]
    return {"one": one, "two": two, "ratio": two / one}


def _mixed(uploads: list[Upload], seconds: float) -> dict[str, float]:
    """p99 of the CNN at a constant rate, alone and while the ResNet is asked too, in milliseconds."""
    with Server(WARDROBE, uploads[0], SERVER_CORE) as server:
        alone = constant_rate.latencies(server, LIGHT_RATE, seconds, LOAD_CORE)["p99_ms"]
        script = [sys.executable, "-m", "benchmarks.serving.constant_rate", "--unchecked", "127.0.0.1", str(server.port)]
        heavy = subprocess.Popen(
            ["taskset", "-c", LOAD_CORE, *script, "/predict?model=resnet", "multipart", str(HEAVY_RATE), str(seconds + 2)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        time.sleep(1)
        both = constant_rate.latencies(server, LIGHT_RATE, seconds, LOAD_CORE)["p99_ms"]
        if heavy.wait(60):
            raise RuntimeError("the ResNet gave a wrong answer")
    return {"alone_p99_ms": alone, "beside_resnet_p99_ms": both, "ratio": both / alone}


def _bulk(uploads: list[Upload], seconds: float) -> dict[str, float]:
    """PNG files per second in batches of 256, one batch after the other."""
    parts = [uploads[number % len(uploads)].png for number in range(BATCH)]
    head = b'Content-Disposition: form-data; name="files"; filename="image.png"\r\nContent-Type: image/png\r\n\r\n'
    body = b"".join(b"--" + BOUNDARY.encode() + b"\r\n" + head + part + b"\r\n" for part in parts) + f"--{BOUNDARY}--\r\n".encode()
    with Server(WARDROBE, uploads[0], SERVER_CORE) as server:
        url = f"http://127.0.0.1:{server.port}/predict/batch?model=cnn"
        request = urllib.request.Request(url, body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})
        began, batches = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            with urllib.request.urlopen(request) as answer:
                content = answer.read()
            batches += 1
        took = time.perf_counter() - began
    if content.count(b'"label":"') != BATCH:
        raise RuntimeError("a batch was not answered whole")
    return {"png_per_s": BATCH * batches / took}
