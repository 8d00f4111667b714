"""A model whose engine raises or never returns: who asks for it is told in time, and nobody else notices.

Both forms take a quarter of a minute.
"""

from __future__ import annotations

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import data
from tests.app.figures import ask, children, running
from tests.reliability.conftest import Record
from tests.reliability.faulty import HOLDS, RAISES, SLEEPS, faulty
from tests.server import Server

BOOT = data.BOOT.read_bytes()
PNG = {"Content-Type": "image/png"}
DEADLINE_S = 2
SLACK_S = 4
"""What a busy machine may add."""
FOREVER_S = 3600
LONGEST_S = 60
"""Until a worker is replaced, whatever else the machine does; `UNSEEN_S` is enough to see that it is not."""
UNSEEN_S = 8


def rows(images: int) -> bytes:
    """Tensors under `/v1`; 40 are read in a thread."""
    return json.dumps({"instances": [[[[0]] * 28] * 28] * images}).encode()


def threads_of(server: Server) -> int:
    return len(list(Path(f"/proc/{server.process.pid}/task").iterdir()))


# Raising


@pytest.mark.parametrize("model", ["cnn", "resnet"])  # one on the event loop, one in its thread
def test_a_model_that_raises(models: Path, tmp_path: Path, record: Record, model: str) -> None:
    flag = tmp_path / "flag"
    with Server(models_dir=str(models), changed=faulty(model, RAISES, flag), required_models=["ann", "cnn", "resnet"]) as server:
        flag.touch()
        failed = [server.http.post(f"/predict?model={model}", content=BOOT, headers=PNG) for _ in range(100)]
        failed.append(server.http.post(f"/predict/batch?model={model}", files=[("files", BOOT)] * 3))
        failed.append(server.http.post(f"/explain?model={model}", content=BOOT, headers=PNG))
        failed.append(server.http.post(f"/v1/models/{model}:predict", content=rows(1)))
        failed.append(server.http.post(f"/v1/models/{model}:predict", content=rows(40)))
        compared = server.http.post("/compare", content=BOOT, headers=PNG).json()["models"]
        other = server.http.post("/predict?model=ann", content=BOOT, headers=PNG)
        ready = server.http.get("/readyz")
        flag.unlink()
        healed = [server.http.post(f"/predict?model={model}", content=BOOT, headers=PNG).status_code for _ in range(100)]
        causes = [line for line in server.logs() if line["message"] == "a model failed"]
        threads = threads_of(server)
    statuses = {each.status_code for each in failed}
    record(
        f"A model that raises ({model})",
        "503 with a sentence, other models 200, /readyz names it, the log has the cause, no thread or slot lost",
        f"{len(failed)} requests: {statuses}, another model {other.status_code}, {threads} threads, then 100 x {set(healed)}",
    )
    assert statuses == {503}
    assert all(
        f"The model {model} failed" in each.text and "Traceback" not in each.text and "tensor 17" not in each.text for each in failed
    )
    assert failed[0].headers["Retry-After"] == "1"
    assert compared[model]["status"] == 503
    assert compared["ann"]["label"] == "Ankle boot"
    assert other.json()["label"] == "Ankle boot"
    assert ready.status_code == 503
    assert f"{model}: its golden images can't be classified" in ready.json()["detail"]
    assert len(causes) == len(failed) + 1  # /compare's
    assert all("tensor 17 has no buffer" in each["exc_info"] for each in causes)
    assert set(healed) == {200}
    assert threads < 20


# Hanging in a thread


@dataclass
class Hung:
    """How long the answers took, in seconds, and what they were."""

    hung: dict[str, tuple[int, float]] = field(default_factory=dict)
    others: list[tuple[int, float]] = field(default_factory=list)
    ready: list[tuple[int, float, str]] = field(default_factory=list)
    at_once: tuple[int, float] = (0, 0.0)
    threads: int = 0

    def __str__(self) -> str:
        longest = max(seconds for _, seconds in self.hung.values())
        others = max(seconds for _, seconds in self.others)
        ready = max(seconds for _, seconds, _ in self.ready)
        statuses = {status for status, _ in self.hung.values()}
        return (
            f"its requests {statuses} after at most {longest:.1f} s, later ones {self.at_once[0]} after "
            f"{1000 * self.at_once[1]:.0f} ms; {len(self.others)} others at most {1000 * others:.0f} ms; /readyz at most {ready:.1f} s; "
            f"{self.threads} threads"
        )


def timed(server: Server, method: str, path: str, **options: Any) -> tuple[int, float, str]:
    """Status, seconds and text of the answer; status 0 where there is none in time."""
    began = time.monotonic()
    try:
        answer = httpx.request(method, f"{server.http.base_url}{path}", timeout=DEADLINE_S + SLACK_S, **options)
    except httpx.TimeoutException:
        return 0, time.monotonic() - began, ""
    return answer.status_code, time.monotonic() - began, answer.text


def hang(models: Path, flag: Path, **settings: Any) -> Hung:
    """The ResNet never returns, asked in every way that uses a thread, while other models are asked for the same."""
    found = Hung()
    asked: dict[str, tuple[str, dict[str, Any]]] = {
        "image": ("/predict?model={}", {"content": BOOT, "headers": PNG}),
        "another image": ("/predict?model={}", {"content": BOOT, "headers": PNG}),
        "batch": ("/predict/batch?model={}", {"files": [("files", BOOT)] * 3}),
        "another batch": ("/predict/batch?model={}", {"files": [("files", BOOT)] * 3}),
        "explanation": ("/explain?model={}", {"content": BOOT, "headers": PNG}),
        "tensors": ("/v1/models/{}:predict", {"content": rows(40)}),
    }
    with Server(
        models_dir=str(models),
        changed=faulty("resnet", SLEEPS, flag),
        required_models=["ann", "cnn", "resnet"],
        photo_threads=1,
        **settings,
    ) as server:
        flag.touch()
        with ThreadPoolExecutor(len(asked) + 1) as pool:
            begun = {name: pool.submit(timed, server, "POST", path.format("resnet"), **body) for name, (path, body) in asked.items()}
            probe = pool.submit(timed, server, "GET", "/readyz")
            time.sleep(0.3)
            for path, body in asked.values():
                found.others.append(timed(server, "POST", path.format("cnn"), **body)[:2])
            found.hung = {name: each.result()[:2] for name, each in begun.items()}
            found.ready = [probe.result(), *(timed(server, "GET", "/readyz") for _ in range(3))]
        found.at_once = timed(server, "POST", "/predict?model=resnet", content=BOOT, headers=PNG)[:2]
        found.threads = threads_of(server)
        assert server.http.get("/healthz").status_code == 200
    return found


def told_in_time_and_others_unharmed(found: Hung) -> None:
    assert {status for status, _ in found.hung.values()} == {503}
    assert max(seconds for _, seconds in found.hung.values()) < DEADLINE_S + SLACK_S
    assert {status for status, _ in found.others} == {200}
    assert {status for status, _, _ in found.ready} == {503}
    assert max(seconds for _, seconds, _ in found.ready) < SLACK_S
    assert all("resnet: it has not answered its golden images" in text for _, _, text in found.ready)
    assert found.at_once[0] == 503
    assert found.at_once[1] < DEADLINE_S  # it is known to hang
    assert found.threads < 20


def test_a_slow_model_that_hangs(models: Path, tmp_path: Path, record: Record) -> None:
    found = hang(models, tmp_path / "flag", request_seconds=DEADLINE_S)
    record(
        "A model that hangs in its thread",
        f"its requests 503 at their deadline ({DEADLINE_S} s here), later ones at once, others unharmed, /readyz 503 within 1.5 s",
        str(found),
    )
    told_in_time_and_others_unharmed(found)


@pytest.mark.long
def test_without_a_deadline_they_wait(models: Path, tmp_path: Path) -> None:
    found = hang(models, tmp_path / "flag", request_seconds=FOREVER_S, graceful_shutdown_seconds=1)
    with pytest.raises(AssertionError):
        told_in_time_and_others_unharmed(found)


# Waiting


def test_what_still_waits_at_its_deadline_is_not_done(models: Path, tmp_path: Path, record: Record) -> None:
    """Each run takes a second, and the deadline is 1.5 s: of eight requests at once one or two are answered in time."""
    flag = tmp_path / "flag"
    done = tmp_path / "done"
    slow = f"(time.sleep(1), Path({str(done)!r}).open('a').write('x'))"
    with Server(models_dir=str(models), changed=faulty("resnet", slow, flag), request_seconds=1.5) as server:
        flag.touch()
        with ThreadPoolExecutor(8) as pool:
            answers = [pool.submit(timed, server, "POST", "/predict?model=resnet", content=BOOT, headers=PNG) for _ in range(8)]
            statuses = sorted(each.result()[0] for each in answers)
        time.sleep(5)  # in which all would have been done
        runs = done.stat().st_size
        flag.unlink()
        after = server.http.post("/predict?model=resnet", content=BOOT, headers=PNG).status_code
    record("Deadlines honoured", "503 at the deadline; what waited is never done", f"8 requests: {statuses}, {runs} runs of the model")
    assert set(statuses) == {200, 503}
    assert runs <= 4  # two, and more where the requests did not arrive together
    assert after == 200


# Hanging on the event loop


@dataclass(frozen=True)
class Replaced:
    """`seconds` until the service had all its workers again, infinity for never; the log's plain text."""

    seconds: float
    text: str


def hang_on_the_loop(models: Path, flag: Path, fault: str, watchdog_seconds: int, patience: float = LONGEST_S) -> Replaced:
    with Server(models_dir=str(models), workers=2, changed=faulty("cnn", fault, flag), watchdog_seconds=watchdog_seconds) as server:
        running(server, 2)
        server.http.close()  # as it may be connected to the worker that will hang
        before = set(children(server))
        flag.touch()
        with httpx.Client(base_url=server.http.base_url, timeout=0.5) as client, pytest.raises(httpx.TransportError):
            client.post("/predict?model=cnn", content=BOOT, headers=PNG)
        flag.unlink()
        server.http = httpx.Client(base_url=server.http.base_url, timeout=30)
        began = time.monotonic()
        seconds = float("inf")
        while time.monotonic() - began < patience:
            if len(set(children(server)) & before) < 2 and len(children(server)) == 2:
                running(server, 2)
                seconds = time.monotonic() - began
                break
            time.sleep(0.1)
        if seconds < float("inf"):
            assert {ask(server, "POST", "/predict?model=cnn", content=BOOT, headers=PNG).status_code for _ in range(20)} == {200}
        else:  # or it would not stop either
            for each in before:
                os.kill(each, signal.SIGKILL)
        return Replaced(seconds, server.output())


def replaced(found: Replaced) -> None:
    assert found.seconds < float("inf")
    assert "Timeout (0:00:02)!" in found.text
    assert "in call" in found.text  # the line of the engine that hangs


@pytest.mark.parametrize("fault", [SLEEPS, HOLDS], ids=["sleeps", "holds the interpreter"])
def test_a_quick_model_that_hangs(models: Path, tmp_path: Path, record: Record, fault: str) -> None:
    found = hang_on_the_loop(models, tmp_path / "flag", fault, watchdog_seconds=2)
    record(
        "A model that hangs on the event loop",
        "the watchdog ends the worker (after 2 s here), the supervisor starts another, the log has the traceback",
        f"all workers there again after {found.seconds:.1f} s",
    )
    replaced(found)


@pytest.mark.long
def test_without_a_watchdog_it_hangs_for_ever(models: Path, tmp_path: Path) -> None:
    """uvicorn's supervisor takes the worker for a living one, as a thread of it still answers."""
    found = hang_on_the_loop(models, tmp_path / "flag", SLEEPS, watchdog_seconds=0, patience=UNSEEN_S)
    with pytest.raises(AssertionError):
        replaced(found)
