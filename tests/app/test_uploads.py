"""What may be wrong with a request for a prediction, over real HTTP."""

from __future__ import annotations

import contextlib
import socket
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.conftest import encoded, png
from tests.server import Server
from training.data import Dataset

GOOD = png(np.zeros((28, 28), np.uint8))
NOISE = png(np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8))
PNG = {"Content-Type": "image/png"}


def rejected(response: httpx.Response, status: int, *words: str) -> None:
    """A problem with this status whose detail names the value and the remedy."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert {"type", "title", "status", "detail", "request_id"} <= set(problem)
    assert problem["status"] == status
    assert problem["request_id"] == response.headers["X-Request-ID"]
    assert problem["type"].startswith("urn:wardrobe:problem:")
    for word in words:
        assert word in problem["detail"]
    assert "Traceback" not in response.text


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"", 422, ["empty"]),
        (b"hello", 415, ["PNG, JPEG, WebP or BMP", "68 65 6c 6c 6f"]),
        (NOISE[:400], 422, ["damaged or cut short"]),
        (png(np.zeros((28, 27), np.uint8)), 422, ["27x28", "fit=garment"]),
        (encoded(Image.new("1", (10_000, 10_000)), "PNG"), 422, ["10000x10000", "50,000,000 pixels"]),
        (encoded(Image.new("L", (28, 28)), "GIF"), 415, ["PNG, JPEG, WebP or BMP"]),
    ],
    ids=["empty", "text", "truncated", "27x28", "10,000x10,000", "GIF"],
)
@pytest.mark.parametrize("raw", [True, False])
def test_a_bad_image(server: Server, content: bytes, status: int, words: list[str], raw: bool) -> None:
    if raw:
        rejected(server.http.post("/predict", content=content, headers=PNG), status, *words)
    else:
        rejected(server.http.post("/predict", files={"file": content}), status, *words)


def test_10_000_x_10_000_as_a_garment(server: Server) -> None:
    rejected(server.http.post("/predict?fit=garment", files={"file": encoded(Image.new("1", (10_000, 10_000)), "PNG")}), 422, "10000x10000")


def test_50_megabytes_by_declared_length(server: Server) -> None:
    body = bytes(50 * 1024 * 1024)
    # the server need not read on; what it answered is in test_the_answer_comes_before_the_body
    with httpx.Client(base_url=server.http.base_url) as client, contextlib.suppress(httpx.WriteError):
        rejected(client.post("/predict", content=body, headers=PNG), 413, "16,777,216 bytes")


def test_the_answer_comes_before_the_body(server: Server) -> None:
    with socket.create_connection((server.http.base_url.host, server.http.base_url.port or 80), timeout=10) as connection:
        connection.sendall(b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 52428800\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"application/problem+json" in answer
    assert b"16,777,216 bytes" in answer


@pytest.mark.parametrize("headers", [PNG, {"Content-Type": "multipart/form-data; boundary=b"}])
def test_50_megabytes_without_a_length(server: Server, headers: dict[str, str]) -> None:
    start = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' if "multipart" in headers["Content-Type"] else b""
    seen = 0

    def chunks() -> object:
        nonlocal seen
        yield start
        for _ in range(50):
            seen += 1
            yield bytes(1024 * 1024)

    with httpx.Client(base_url=server.http.base_url) as client:
        try:
            rejected(client.post("/predict", content=chunks(), headers=headers), 413, "16,777,216 bytes")  # type: ignore[arg-type]
        except httpx.WriteError:
            assert seen < 50


def test_the_largest_accepted_body_is_accepted(server: Server) -> None:
    body = GOOD + bytes(16 * 1024 * 1024 - len(GOOD))
    assert server.http.post("/predict", content=body, headers=PNG).status_code == 200
    rejected(server.http.post("/predict", content=body + b"x", headers=PNG), 413)


def test_the_wrong_content_type(server: Server) -> None:
    rejected(server.http.post("/predict", content=GOOD, headers={"Content-Type": "text/plain"}), 415, "text/plain", "image/png", "curl")
    rejected(server.http.post("/predict", content=GOOD), 415, "missing", "multipart/form-data")
    rejected(server.http.post("/predict", data={"file": "x"}), 415, "application/x-www-form-urlencoded")
    rejected(server.http.post("/predict/batch", content=GOOD, headers=PNG), 415, "image/png", "files")
    rejected(server.http.post("/predict/batch", content=GOOD), 415, "missing")


def test_two_files(server: Server) -> None:
    rejected(server.http.post("/predict", files=[("file", GOOD), ("file", GOOD)]), 422, "2 files", "/predict/batch")


def test_no_file(server: Server) -> None:
    rejected(server.http.post("/predict", files={"image": GOOD}), 422, "0 files named file")
    rejected(server.http.post("/predict/batch", files={"file": GOOD}), 422, "0 files named files")


def test_a_text_field_instead_of_a_file(server: Server) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nshoe.png\r\n--b--\r\n'
    response = server.http.post("/predict", content=body, headers={"Content-Type": "multipart/form-data; boundary=b"})
    rejected(response, 422, "field file is text", "with the @")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"x"),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="' + bytes(5000) + b'"\r\n\r\nx\r\n--b--\r\n'),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="f"\r\n\r\nx\r\n' * 300 + b"--b--\r\n"),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx'),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nx\r\n--b--\r\n'),
    ],
    ids=["no boundary", "no part", "no disposition", "long name", "many fields", "no end", "not UTF-8"],
)
@pytest.mark.parametrize("path", ["/predict", "/predict/batch", "/compare", "/explain", "/preprocess"])
def test_a_malformed_multipart_body(server: Server, path: str, content_type: str, body: bytes) -> None:
    response = server.http.post(path, content=body, headers={"Content-Type": content_type})
    rejected(response, 400, "multipart")


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("model=vgg", 404, ["'vgg'", "ann, cnn"]),
        ("model=../cnn", 404, ["'../cnn'", "ann, cnn"]),
        ("model=%00", 404, ["ann, cnn"]),
        ("model=" + "x" * 5000, 404, ["ann, cnn"]),
        ("model=cnn%0d%0aX-Evil:1", 404, ["ann, cnn"]),
        ("model=", 404, ["''", "ann, cnn"]),
        ("version=0", 422, ["version", "greater than or equal to 1", "'0'"]),
        ("version=99", 404, ["no version 99", "choose one of "]),
        ("version=abc", 422, ["version", "valid integer", "'abc'"]),
        ("version=-1", 422, ["version"]),
        ("version=" + "9" * 5000, 422, ["version"]),
        ("fit=loose", 422, ["fit", "'strict' or 'garment'", "'loose'"]),
        ("modle=ann", 422, ["'modle' is unknown", "model, version, fit"]),
        ("model=ann&model=cnn", 422, ["'model' is given more than once"]),
    ],
)
def test_a_wrong_parameter(server: Server, query: str, status: int, words: list[str]) -> None:
    rejected(server.http.post(f"/predict?{query}", files={"file": GOOD}), status, *words)


@pytest.mark.parametrize("path", ["/predict", "/explain", "/preprocess"])
def test_a_photo_too_many_is_told_to_come_back(models: object, dataset: Dataset, path: str) -> None:
    photo = encoded(Image.effect_noise((5000, 5000), 60), "PNG", compress_level=1)
    server = Server(models_dir=str(models), photo_threads=1, photo_queue=0, max_body_bytes=64 * 1024 * 1024)
    with server as busy, httpx.Client(base_url=busy.http.base_url, timeout=60) as other:
        small = png(dataset.test_images[0, ..., 0])
        with ThreadPoolExecutor(4) as pool:
            photos = [
                pool.submit(httpx.post, f"{busy.http.base_url}{path}?fit=garment", files={"file": photo}, timeout=60) for _ in range(4)
            ]
            neighbour = other.post("/predict", files={"file": small})
            answers = [each.result() for each in photos]
        assert neighbour.json()["label"] == "Ankle boot"
    statuses = sorted(each.status_code for each in answers)
    assert statuses[0] == 200
    assert statuses[-1] == 429
    refused = next(each for each in answers if each.status_code == 429)
    rejected(refused, 429, "try again")
    assert refused.headers["Retry-After"] == "1"


def zip_bomb() -> bytes:
    """A 28x28 PNG of 63 kB whose comments unpack to 60 MB."""
    info = PngInfo()
    for i in range(60):
        info.add_text(f"k{i}", "x" * 1_000_000, zip=True)
    return encoded(Image.new("L", (28, 28)), "PNG", pnginfo=info)


def test_a_batch_of_bombs_does_not_stall_the_others(server: Server) -> None:
    bomb = zip_bomb()
    assert len(bomb) < 70_000
    with ThreadPoolExecutor(1) as pool:
        batch = pool.submit(httpx.post, f"{server.http.base_url}/predict/batch", files=[("files", bomb)] * 200, timeout=60)
        answered = 0
        while not batch.done():
            server.http.get("/healthz").raise_for_status()
            answered += 1
    assert [each["status"] for each in batch.result().json()["results"]] == [422] * 200
    assert answered > 5  # a blocked event loop would answer the batch first, and one probe after it
