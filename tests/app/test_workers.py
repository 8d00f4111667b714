"""Several workers count as one, and one that dies leaves what it should."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import httpx
import pytest

from tests import data
from tests.app.figures import Figures, ask, begun, children, eventually, running, tally_of
from tests.server import Server

BOOT = data.BOOT.read_bytes()


def test_a_killed_worker_takes_nothing_with_it(models: Path) -> None:
    with Server(models_dir=str(models), workers=3) as server:
        running(server, 3)
        first = set(children(server))
        assert len(first) == 3
        for _ in range(30):
            ask(server, "POST", "/predict", files={"file": BOOT}).raise_for_status()
        before = Figures(server)
        uploads = [begun(server) for _ in range(20)]
        eventually(lambda: Figures(server)("wardrobe_http_requests_in_flight") == 21)
        server.http.close()
        for worker in first:
            os.kill(worker, signal.SIGKILL)
        for each in uploads:
            each.close()
        server.http = httpx.Client(base_url=server.http.base_url, timeout=30)
        eventually(lambda: len(set(children(server)) - first) == 3)
        running(server, 3)
        after = Figures(server)
        files = sorted(each.name for each in tally_of(server).glob("*.db"))
    assert before("wardrobe_predictions_total", model="cnn", label="Ankle boot") == 30
    assert after("wardrobe_predictions_total", model="cnn", label="Ankle boot") == 30
    assert after("wardrobe_http_requests_total", route="/predict", status=200) == 30
    assert after("wardrobe_http_request_duration_seconds_count", route="/predict", status=200) == 30
    assert after("wardrobe_http_requests_in_flight") == 1
    assert after("wardrobe_model_loads_total", model="cnn", outcome="success") == 12  # six workers, two versions
    assert after("wardrobe_model_ready", model="cnn") == 1
    assert after("process_cpu_seconds_total") >= before("process_cpu_seconds_total")  # or it would look like a restart
    owners = {each.rpartition("_")[2] for each in files}
    assert owners >= {"dead.db"}
    assert not owners & {f"{each}.db" for each in first}  # however many die, the folder stays small


def test_a_dead_worker_is_doing_nothing_even_before_another_takes_its_place(models: Path) -> None:
    with Server(models_dir=str(models), workers=2) as server:
        running(server, 2)
        idle, busy = children(server)
        server.http.close()
        os.kill(server.process.pid, signal.SIGSTOP)  # it would start another worker at once
        os.kill(idle, signal.SIGSTOP)  # so that the other gets all
        uploads = [begun(server) for _ in range(5)]
        server.http = httpx.Client(base_url=server.http.base_url, timeout=30)
        eventually(lambda: Figures(server)("wardrobe_http_requests_in_flight") == 6)
        server.http.close()
        os.kill(busy, signal.SIGKILL)  # and stays a zombie, as its parent does not look
        os.kill(idle, signal.SIGCONT)
        for each in uploads:
            each.close()
        server.http = httpx.Client(base_url=server.http.base_url, timeout=30)
        figures = Figures(server)
        os.kill(server.process.pid, signal.SIGCONT)
    assert figures("wardrobe_http_requests_in_flight") == 1
    assert figures("wardrobe_model_version_workers", model="cnn", state="served") == 1
    assert figures("wardrobe_http_requests_total", route="/telemetry") > 0  # what it counted stays


def test_the_folder_is_small_and_goes_with_the_service(models: Path) -> None:
    with Server(models_dir=str(models), workers=4) as server:
        running(server, 4)
        for path in ("/", "/models", "/metrics", "/docs", "/readyz", "/nowhere", "/telemetry") * 4:
            ask(server, "GET", path)
        folder = tally_of(server)
        taken = sum(each.stat().st_size for each in folder.iterdir())
        assert server.stop() == 0
        assert not folder.exists()
    assert taken < 2 * 1024 * 1024  # of the 16 MB that the container's /tmp has


def test_one_worker_counts_in_its_memory(models: Path, tmp_path: Path) -> None:
    """Whatever the environment says: files would take longer."""
    with Server(models_dir=str(models), environment={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}) as server:
        assert Figures(server)("wardrobe_http_requests_in_flight") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_process_figures_are_those_of_all_processes(models: Path, workers: int) -> None:
    with Server(models_dir=str(models), workers=workers) as server:
        running(server, workers)
        figures = Figures(server)
        processes = [server.process.pid, *(children(server) if workers > 1 else [])]
        resident = sum(int(Path(f"/proc/{each}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") for each in processes)
        files = sum(len(list(Path(f"/proc/{each}/fd").iterdir())) for each in processes)
    assert len(processes) == (workers if workers == 1 else workers + 1)
    assert figures("process_resident_memory_bytes") == pytest.approx(resident, rel=0.02)
    assert figures("process_open_fds") == pytest.approx(files, abs=3)
    assert figures("process_cpu_seconds_total") > 0
    assert 0 < time.time() - figures("process_start_time_seconds") < 600
