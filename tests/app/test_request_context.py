from __future__ import annotations

import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from app.body_limits import BodyLimits
from app.main import create_app
from app.request_context import RequestContext
from app.settings import Settings
from tests.app.folders import NEWEST
from tests.conftest import png
from tests.server import Server

HEX = re.compile("[0-9a-f]{32}")


def test_a_request_gets_an_id_in_answer_and_log(models: Path) -> None:
    with Server(models_dir=str(models)) as server:
        response = server.http.post("/predict?model=ann", files={"file": png(np.eye(28, dtype=np.uint8) * 255)})
        server.http.get("/nowhere")
        server.stop()  # a line is written after its answer
        lines = server.logs()
    request_id = response.headers["X-Request-ID"]
    assert HEX.fullmatch(request_id)
    [line] = [each for each in lines if each.get("request_id") == request_id]
    assert line["message"] == "request"
    assert (line["method"], line["path"], line["status"]) == ("POST", "/predict", 200)
    assert (line["model"], line["version"], line["label"]) == ("ann", NEWEST["ann"], response.json()["label"])
    assert line["decode_ms"] > 0
    assert line["inference_ms"] > 0
    assert line["decode_ms"] + line["inference_ms"] < line["duration_ms"]
    assert line["time"].startswith("20")
    assert any(each.get("path") == "/nowhere" and each["status"] == 404 for each in lines)


def test_what_several_images_take_is_added_up(models: Path) -> None:
    image = png(np.eye(28, dtype=np.uint8) * 255)
    with Server(models_dir=str(models)) as server:
        server.http.post("/predict/batch", files=[("files", image)] * 5, headers={"X-Request-ID": "batch"})
        server.http.post("/compare", files={"file": image}, headers={"X-Request-ID": "compare"})
        server.http.post("/predict", files={"file": b"broken"}, headers={"X-Request-ID": "broken"})
        server.http.get("/models", headers={"X-Request-ID": "models"})
        server.stop()
        lines = {each.get("request_id"): each for each in server.logs()}
    assert (lines["batch"]["model"], lines["batch"]["version"], lines["batch"]["images"]) == ("cnn", NEWEST["cnn"], 5)
    for name in ("batch", "compare"):
        assert 0 < lines[name]["decode_ms"] + lines[name]["inference_ms"] < lines[name]["duration_ms"]
    assert lines["broken"]["decode_ms"] > 0
    assert "inference_ms" not in lines["broken"]
    assert not {"decode_ms", "inference_ms"} & lines["models"].keys()


@pytest.mark.parametrize("given", ["abc", "A-b_c.9", "x" * 64])
def test_a_clients_own_id_is_kept(server: Server, given: str) -> None:
    assert server.http.get("/healthz", headers={"X-Request-ID": given}).headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\tb", '"', "{}", "é".encode(), b"x" * 10_000])
def test_an_id_that_could_harm_is_replaced(server: Server, given: str | bytes) -> None:
    assert HEX.fullmatch(
        server.http.get("/healthz", headers={b"X-Request-ID": given if isinstance(given, bytes) else given.encode()}).headers[
            "X-Request-ID"
        ]
    )


def get(app: FastAPI, path: str) -> httpx.Response:
    async def request() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.get(path, headers={"X-Request-ID": "mine"})

    return anyio.run(request)


def failing(models: Path) -> FastAPI:
    """The real application with two routes of which no real one is known: one that fails, one that fails half-way."""
    app = create_app(Settings(models_dir=models))

    @app.get("/fail")
    async def fail() -> None:
        raise ZeroDivisionError("a secret of the house")

    async def half() -> AsyncIterator[bytes]:
        yield b"half"
        raise ZeroDivisionError

    @app.get("/half")
    async def stream() -> StreamingResponse:
        return StreamingResponse(half())

    return app


def test_an_unexpected_failure_is_a_problem_without_its_traceback(models: Path, caplog: pytest.LogCaptureFixture) -> None:
    response = get(failing(models), "/fail")
    assert response.status_code == 500
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["request_id"] == response.headers["X-Request-ID"] == "mine"
    assert "secret" not in response.text
    [record] = [each for each in caplog.records if each.exc_info]
    assert "a secret of the house" in caplog.text
    assert record.__dict__["request_id"] == "mine"


def test_a_failure_after_the_answer_began_breaks_the_connection(models: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        get(failing(models), "/half")


def test_a_malformed_body_is_one_line_in_the_log(models: Path) -> None:
    with Server(models_dir=str(models)) as server:
        before = len(server.logs())
        server.http.post("/predict", content=b"--c", headers={"Content-Type": "multipart/form-data; boundary=b"})
        server.stop()
        lines = [each for each in server.logs()[before:] if "Shutting" not in each["message"]]
    assert [each["status"] for each in lines if each.get("path") == "/predict"] == [400]
    assert not [each for each in lines if each["level"] != "INFO"]


def test_a_client_that_hangs_up_is_no_failure_of_ours(models: Path) -> None:
    with Server(models_dir=str(models)) as server:
        address = (server.http.base_url.host, server.http.base_url.port or 80)
        with socket.create_connection(address) as connection:
            connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\nabc")
            assert server.http.get("/healthz").status_code == 200  # by now the upload has begun
        server.stop()
        lines = server.logs()
    [line] = [each for each in lines if each.get("path") == "/predict"]
    assert (line["status"], line["level"]) == (499, "INFO")
    assert not [each for each in lines if each["level"] == "ERROR"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/models", "/metrics", "/docs", "/models/cnn/versions/1/report", "/nowhere"])
def test_head_is_get_without_the_body(server: Server, path: str) -> None:
    head, get = server.http.head(path), server.http.get(path)
    assert head.status_code == get.status_code
    assert head.headers["Content-Length"] == get.headers["Content-Length"]
    assert head.headers["Content-Type"] == get.headers["Content-Type"]
    assert head.content == b""


def test_a_request_that_is_cancelled_is_one_whose_client_is_gone(caplog: pytest.LogCaptureFixture) -> None:
    """Ray Serve says it so."""

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await anyio.sleep_forever()

    async def hang_up() -> None:
        scope = {"type": "http", "method": "POST", "path": "/predict", "headers": []}
        with anyio.move_on_after(0):
            await RequestContext(slow, BodyLimits.of(Settings()), None)(scope, anyio.sleep_forever, anyio.sleep)  # type: ignore[arg-type]

    with caplog.at_level("INFO", "app.request"):
        anyio.run(hang_up)
    [record] = caplog.records
    assert record.__dict__["status"] == 499
