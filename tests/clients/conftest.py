"""Other systems' own clients, in an environment of their own, against the real server."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.server import ROOT, Server
from training.data import Dataset

PYTHON = ROOT / "build" / "clients" / "bin" / "python"

Answers = dict[str, npt.NDArray[np.float32]]
Run = Callable[[str], tuple[Answers, dict[str, Any]]]


@pytest.fixture(scope="session")
def images(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The 10,000 test images, as a file."""
    path = tmp_path_factory.mktemp("clients") / "images.npy"
    np.save(path, dataset.test_images)
    return path


@pytest.fixture(scope="session")
def run(server: Server, images: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run a script of this folder: the probabilities that it was answered, by what it did, and what else it says."""
    if not PYTHON.exists():
        raise AssertionError(f"{PYTHON} is missing: `make clients` installs it")

    def ran(script: str) -> tuple[Answers, dict[str, Any]]:
        written = tmp_path_factory.mktemp(script) / "answers.npz"
        address = f"127.0.0.1:{server.http.base_url.port}"
        command: list[str | Path] = [PYTHON, Path(__file__).parent / f"{script}.py", address, images, written]
        said = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert said.returncode == 0, said.stderr[-3000:]
        with np.load(written) as answers:
            return dict(answers), json.loads(said.stdout)

    return ran


@pytest.fixture(scope="session")
def expected(server: Server, images: Path) -> npt.NDArray[np.float32]:
    """The probabilities of all test images, float32 `[10000, 10]`, in one request without any client."""
    content = np.load(images).tobytes()
    answer = server.http.post("/v2/models/cnn/infer", content=content, headers={"Inference-Header-Content-Length": "0"})
    length = int(answer.headers["Inference-Header-Content-Length"])
    return np.frombuffer(answer.content[length : length + 400_000], "<f4").reshape(-1, 10)
