"""What only Wardrobe is asked: a second worker, a heavy model beside a light one, many images at once."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.serving import constant_rate, saturation
from benchmarks.serving.contestants import CONTESTANTS
from benchmarks.serving.rounds import LOAD_CORE, SERVER_CORE, WARM_UP_S
from benchmarks.serving.server import Server
from benchmarks.serving.upload import BOUNDARY, ROOT, TOLERANCE, Upload

WARDROBE = next(each for each in CONTESTANTS if each.name == "wardrobe")
BATCH, TENSORS = 256, 1024
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
    """Images per second in bulk, one request after the other: PNG files in batches of 256, and tensors of 1,024 as bytes."""
    with Server(WARDROBE, uploads[0], SERVER_CORE) as server:
        return {"png_per_s": _png_files(server, uploads, seconds), "tensors_per_s": _tensors(server, uploads, seconds)}


def _png_files(server: Server, uploads: list[Upload], seconds: float) -> float:
    parts = [uploads[number % len(uploads)].png for number in range(BATCH)]
    head = b'Content-Disposition: form-data; name="files"; filename="image.png"\r\nContent-Type: image/png\r\n\r\n'
    body = b"".join(b"--" + BOUNDARY.encode() + b"\r\n" + head + part + b"\r\n" for part in parts) + f"--{BOUNDARY}--\r\n".encode()
    rate, content = _rate(
        server, "/predict/batch?model=cnn", body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}, BATCH, seconds
    )
    if content.count(b'"label":"') != BATCH:
        raise RuntimeError("a batch was not answered whole")
    return rate


def _tensors(server: Server, uploads: list[Upload], seconds: float) -> float:
    chosen = [uploads[number % len(uploads)] for number in range(TENSORS)]
    body = b"".join(Image.open(io.BytesIO(each.png)).tobytes() for each in chosen)
    rate, content = _rate(server, "/v2/models/cnn/infer", body, {"Inference-Header-Content-Length": "0"}, TENSORS, seconds)
    tail = content[-2 * TENSORS * 10 * 4 :]  # probabilities and logits
    probabilities = np.frombuffer(tail[: len(tail) // 2], "<f4").reshape(TENSORS, 10)
    if np.abs(probabilities - [list(each.expected.values()) for each in chosen]).max() > TOLERANCE:
        raise RuntimeError("a tensor was answered wrongly")
    return rate


def _rate(server: Server, path: str, body: bytes, headers: dict[str, str], images: int, seconds: float) -> tuple[float, bytes]:
    """Images per second while the same request is sent again and again from another core, and its last answer."""
    script = [sys.executable, "-m", "benchmarks.serving.bulk", f"http://127.0.0.1:{server.port}{path}", json.dumps(headers), str(seconds)]
    sent = subprocess.run(["taskset", "-c", LOAD_CORE, *script], input=body, capture_output=True, cwd=ROOT, check=True)
    line, _, content = sent.stdout.partition(b"\n")
    return images * float(line), content
