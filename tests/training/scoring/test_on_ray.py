"""`python -m training score --ray-address`: the same rows by Ray Data, in an environment of its own, as by one process."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import png
from tests.server import ROOT
from training.data import Dataset

PYTHON = ROOT / "build" / "ray" / "bin" / "python"
LONGEST = 300


def score(given: Path, output: Path, *options: str) -> subprocess.CompletedProcess[str]:
    if not PYTHON.exists():
        raise AssertionError(f"{PYTHON} is missing: `make ray` installs it")
    command: list[str | Path] = [PYTHON, "-m", "training", "score", given, output, *options]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LONGEST, check=False)


def test_a_cluster_gives_the_rows_of_one_process(dataset: Dataset, tmp_path: Path) -> None:
    """The 10,000 test images in two parts, each with rows that are none."""
    images = [png(each) for each in dataset.test_images[..., 0]]
    column = pa.array([None, *images, b"bad", *images[:8_000], None])
    pq.write_table(pa.table({"image": column}), tmp_path / "images.parquet", row_group_size=5_000)
    outputs = [tmp_path / "one.parquet", tmp_path / "ray.parquet"]
    for output, options in zip(outputs, [(), ("--ray-address", "local")], strict=True):
        done = score(tmp_path / "images.parquet", output, *options)
        assert done.returncode == 0, done.stderr
        assert "18,003 rows by cnn 2; 3 of them have no image that can be used" in " ".join(done.stdout.split())
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    assert pq.read_table(outputs[1])["error"].null_count == 18_000


def test_a_cluster_that_is_not_there_is_an_answer(tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(b"")
    done = score(tmp_path, tmp_path.with_suffix(".parquet"), "--ray-address", "127.0.0.1:1")
    assert done.returncode == 1
    remedy = "start it, or mend --ray-address"
    assert done.stderr == f"error: no Ray cluster answers at 127.0.0.1:1 ([Errno 111] Connection refused): {remedy}\n"
