"""What would make every request slower, caught without a clock."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import anyio
import httpx
import numpy as np
import pytest
from starlette.routing import Match, Route

from app.main import create_app
from app.runtime import AT_ONCE, CONVERTED, LiteRTBatch, OpenVINOBatch
from app.settings import Settings
from tests import data
from tests.server import Server

BOOT = data.BOOT.read_bytes()
PNG = {"Content-Type": "image/png"}
WATCHED = ("open", "os.listdir", "os.scandir", "import", "exec", "compile", "socket.connect", "socket.getaddrinfo", "subprocess.Popen")
MOST_BYTES = 200_000
"""Peak of what Python holds for one request and the test's own client; an image is 784 bytes."""


def ask(server: Server) -> None:
    for model in ("ann", "cnn", "resnet"):
        assert server.http.post(f"/predict?model={model}", files={"file": BOOT}).json()["label"] == "Ankle boot"
        assert server.http.post(f"/predict?model={model}", content=BOOT, headers=PNG).json()["label"] == "Ankle boot"


def test_a_request_opens_no_file_and_imports_nothing(models: Path, tmp_path: Path) -> None:
    """An audit hook in the server's own process reports it."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "log = os.open(os.environ['AUDIT'], os.O_WRONLY | os.O_APPEND | os.O_CREAT)\n"
        "def hook(event, arguments):\n"
        f"    if event in {WATCHED!r}:\n"
        "        os.write(log, f'{event} {arguments[:1]}\\n'.encode())\n"
        "sys.addaudithook(hook)\n"
    )
    audit = tmp_path / "audit.txt"
    with Server(models_dir=str(models), environment={**os.environ, "PYTHONPATH": str(tmp_path), "AUDIT": str(audit)}) as server:
        for _ in range(3):  # the first may import what it needs
            ask(server)
        before = audit.read_text()
        assert "saved_model.pb" in before or "card.json" in before  # the hook sees what it should
        for _ in range(10):
            ask(server)
        assert audit.read_text()[len(before) :] == ""
        assert "site-packages/tensorflow/" not in Path(f"/proc/{server.process.pid}/maps").read_text()


def test_a_small_image_starts_no_thread(models: Path) -> None:
    with Server(models_dir=str(models)) as server:
        tasks = Path(f"/proc/{server.process.pid}/task")
        before = len(list(tasks.iterdir()))
        for model in ("ann", "cnn"):
            server.http.post(f"/predict?model={model}", files={"file": BOOT}).raise_for_status()
        assert len(list(tasks.iterdir())) == before
        server.http.post("/predict/batch", files={"files": BOOT}).raise_for_status()
        assert len(list(tasks.iterdir())) > before  # where threads are wanted, they are seen


@pytest.mark.parametrize("size", [1, AT_ONCE])
def test_openvino_computes_in_float32_in_one_thread(models: Path, size: int) -> None:
    compiled = OpenVINOBatch(models / "cnn" / "1", size)._request.get_compiled_model()
    assert compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name() == "f32"
    assert compiled.get_property("INFERENCE_NUM_THREADS") == 1
    assert compiled.get_property("NUM_STREAMS") == 1
    assert not compiled.input().get_partial_shape().is_dynamic


@pytest.mark.parametrize("size", [1, AT_ONCE])
def test_litert_computes_in_float32_in_one_thread(models: Path, size: int) -> None:
    before = threading_tasks()
    batch = LiteRTBatch((models / "cnn" / "1" / CONVERTED).read_bytes(), size)
    batch(np.zeros((size, 28, 28, 1), np.uint8))
    assert threading_tasks() == before
    tensors = batch._interpreter.get_tensor_details()
    assert {each["dtype"] for each in tensors} <= {np.float32, np.uint8, np.int32}  # pixels, and shapes
    assert not any(each["quantization_parameters"]["scales"].size for each in tensors)


def threading_tasks() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


@pytest.mark.parametrize("path", ["/predict", "/predict/batch", "/compare", "/explain", "/preprocess"])
def test_fastapi_describes_a_prediction_and_is_not_asked_for_it(models: Path, path: str) -> None:
    app = create_app(Settings(models_dir=models))
    scope = {"type": "http", "method": "POST", "path": path}
    assert type(next(each for each in app.router.routes if each.matches(scope)[0] is Match.FULL)) is Route
    assert "post" in app.openapi()["paths"][path]


def test_a_request_allocates_little(models: Path) -> None:
    async def peak() -> int:
        app = create_app(Settings(models_dir=models))
        async with app.router.lifespan_context(app) as state:
            transport = httpx.ASGITransport(_with_state(app, state))  # type: ignore[arg-type]
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                for _ in range(3):
                    (await client.post("/predict", content=BOOT, headers=PNG)).raise_for_status()
                tracemalloc.start()
                await client.post("/predict", content=BOOT, headers=PNG)
                before, _ = tracemalloc.get_traced_memory()
                tracemalloc.reset_peak()
                await client.post("/predict", content=BOOT, headers=PNG)
                _, highest = tracemalloc.get_traced_memory()
                tracemalloc.stop()
                return highest - before

    assert anyio.run(peak) < MOST_BYTES


def _with_state(app: object, state: dict[str, object]) -> object:
    """The application as a server calls it, with what its lifespan left."""

    async def called(scope: dict[str, object], receive: object, send: object) -> None:
        await app({**scope, "state": dict(state)}, receive, send)  # type: ignore[operator]

    return called
