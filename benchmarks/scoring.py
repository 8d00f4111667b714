"""How fast `python -m training score` is, and how much memory it takes: `python -m benchmarks.scoring`.

Each kind of input is scored by the CNN on one core, in turn with the bare engine on the same images in memory. The command's peak of
memory is measured on 10,000 images, 100,000 and a million. Seconds are the process's own on its core, so that what else runs on the
machine is in no figure. Last, on all cores and by the clock, one process in turn with Ray Data. Results go to `scoring.json`.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.serving.results import machine

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "scoring.json"
CORE = 0
MODEL = "cnn"
IMAGES = 60_000
"""The training images: the test images are too few to time a second of work."""
SIZES = (10_000, 100_000, 1_000_000)
FOLDER_SIZES = (10_000, 100_000)
LEAST_RIGHT = 0.9
"""What is quick and wrong is not measured."""
COMMAND = """
import sys, time
from pathlib import Path
from training.__main__ import main
status = main(sys.argv[1:])
[peak] = [line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
print(peak, time.process_time())
sys.exit(status)
"""

RAY = ROOT / "build" / "ray" / "bin" / "python"
SPREAD = {"NPY": 1_000_000, "Parquet of PNGs": 500_000}
WAYS: dict[str, list[str]] = {"one_s": [], "ray_s": ["--ray-address", "local"]}

Images = npt.NDArray[np.uint8]


def main() -> None:
    """Measure, store and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scoring", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if not RAY.exists():
        parser.error("build/ray is missing: `make ray` installs it")
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {CORE})
    found: dict[str, Any] = {"date": datetime.now(UTC).date().isoformat(), "machine": machine(), "model": MODEL, "rounds": options.rounds}
    with tempfile.TemporaryDirectory() as home:
        found["inputs"] = _speed(Path(home), options.rounds)
        found["memory"] = {"NPY": _memory(Path(home), SIZES, _npy), "PNG files": _memory(Path(home), FOLDER_SIZES, _folder)}
        os.sched_setaffinity(0, cores)
        found["spread"] = {name: _spread(Path(home), name, options.rounds) for name in SPREAD}
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print(speed_table(found), memory_table(found), spread_table(found), sep="\n\n")


def speed_table(found: dict[str, Any]) -> str:
    """Markdown: each kind of input beside the bare engine."""
    lines = ["| input | images/s | of the bare engine's | each image beyond it |", "| --- | --- | --- | --- |"]
    for name, row in found["inputs"].items():
        lines.append(f"| {name} | {row['images_per_s']:,.0f} | {100 * row['of_engine']:.0f} % | {row['beyond_us']:.1f} µs |")
    return "\n".join(lines)


def memory_table(found: dict[str, Any]) -> str:
    """Markdown: the whole command's peak of memory, and its speed with its start, by the number of images."""
    lines = ["| input | images | peak of memory | the whole command |", "| --- | --- | --- | --- |"]
    for name, rows in found["memory"].items():
        lines += [f"| {name} | {row['images']:,} | {row['peak_mb']:.0f} MB | {row['seconds']:.1f} s |" for row in rows]
    return "\n".join(lines)


def spread_table(found: dict[str, Any]) -> str:
    """Markdown: the whole command on all cores, by one process and by Ray Data."""
    lines = ["| input | images | one process | Ray Data | times as fast |", "| --- | --- | --- | --- | --- |"]
    for name, row in found["spread"].items():
        lines.append(f"| {name} | {row['images']:,} | {row['one_s']:.0f} s | {row['ray_s']:.0f} s | {row['times']:.2f} |")
    return "\n".join(lines)


def _speed(home: Path, rounds: int) -> dict[str, Any]:
    from rich.console import Console

    from training.data import load
    from training.scoring.engine import Engine
    from training.scoring.score import Request, score
    from training.scoring.version import chosen

    dataset = load()
    images, labels = dataset.train_images, dataset.train_labels
    inputs = _inputs(home, images)
    version = chosen(ROOT / "models", MODEL, None)
    engine, console = Engine(version), Console(file=io.StringIO())
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in inputs}
    for _ in range(rounds):
        for name, path in inputs.items():
            request = Request(path, home / "answers.parquet", version, again=True)
            measured[name].append((_seconds(engine, images), _seconds(score, request, console)))
            _check(request.output, labels)
    return {
        name: {
            "images_per_s": round(IMAGES / statistics.median(whole for _, whole in times)),
            "engine_per_s": round(IMAGES / statistics.median(bare for bare, _ in times)),
            "of_engine": round(statistics.median(bare / whole for bare, whole in times), 3),
            "beyond_us": round(statistics.median(1e6 * (whole - bare) / IMAGES for bare, whole in times), 2),
        }
        for name, times in measured.items()
    }


def _seconds(work: Callable[..., object], *arguments: object) -> float:
    began = time.process_time()
    work(*arguments)
    return time.process_time() - began


def _inputs(home: Path, images: Images) -> dict[str, Path]:
    """The same images in every kind of input that is measured."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    inputs = {
        "NPY": home / "images.npy",
        "IDX": home / "images.idx",
        "IDX, gzipped": home / "images.idx.gz",
        "Parquet of pixels": home / "pixels.parquet",
        "Parquet of PNGs": home / "pngs.parquet",
        "PNG files": home / "pngs",
    }
    idx = struct.pack(">IIII", 0x803, *images.shape[:3]) + images.tobytes()
    np.save(inputs["NPY"], images)
    inputs["IDX"].write_bytes(idx)
    inputs["IDX, gzipped"].write_bytes(gzip.compress(idx))
    pq.write_table(pa.table({"pixels": pa.array([each.tobytes() for each in images], pa.binary(784))}), inputs["Parquet of pixels"])
    pngs = [_png(each) for each in images]
    pq.write_table(pa.table({"image": pa.array(pngs)}), inputs["Parquet of PNGs"])
    _write(inputs["PNG files"], pngs)
    return inputs


def _png(image: Images) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image[..., 0]).save(buffer, "PNG")
    return buffer.getvalue()


def _write(folder: Path, pngs: Iterable[bytes]) -> None:
    """In folders of a thousand."""
    for number, content in enumerate(pngs):
        path = folder / f"{number // 1000:04}" / f"{number:07}.png"
        if not number % 1000:
            path.parent.mkdir(parents=True)
        path.write_bytes(content)


def _check(answers: Path, labels: npt.NDArray[np.uint8]) -> None:
    import pyarrow.parquet as pq

    indices = pq.read_table(answers, columns=["index"])["index"].to_numpy()
    assert np.mean(indices == labels) > LEAST_RIGHT


def _memory(home: Path, sizes: Sequence[int], write: Callable[[Path, int], Path]) -> list[dict[str, Any]]:
    """The whole command on so many images, the test images again and again."""
    rows = []
    for size in sizes:
        given, output = write(home, size), home / f"{size}.parquet"
        command = [sys.executable, "-c", COMMAND, "score", str(given), str(output), "--model", MODEL, "--again"]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        peak_kb, seconds = done.stdout.splitlines()[-1].split()
        rows.append({"images": size, "peak_mb": round(int(peak_kb) * 1024 / 1e6, 1), "seconds": round(float(seconds), 2)})
        shutil.rmtree(given) if given.is_dir() else given.unlink()
    return rows


def _spread(home: Path, name: str, rounds: int) -> dict[str, Any]:
    """Seconds by the clock, with the start of a cluster on this machine."""
    given = (_npy if name == "NPY" else _parquet_of_pngs)(home, SPREAD[name])
    measured: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, options in WAYS.items():
            command = [
                str(RAY),
                "-m",
                "training",
                "score",
                str(given),
                str(home / "answers.parquet"),
                "--model",
                MODEL,
                "--again",
                *options,
            ]
            began = time.monotonic()
            subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
            measured[way].append(time.monotonic() - began)
    given.unlink()
    times = statistics.median(one / ray for one, ray in zip(*measured.values(), strict=True))
    medians = {way: round(statistics.median(seconds), 1) for way, seconds in measured.items()}
    return {"images": SPREAD[name], **medians, "times": round(times, 2)}


def _npy(home: Path, size: int) -> Path:
    """Written a part at a time, as a million images are 784 MB."""
    from training.data import load

    images = load().test_images
    path = home / f"{size}.npy"
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": (size, *images.shape[1:])})
        for _ in range(size // len(images)):
            stream.write(images.data)
    return path


def _parquet_of_pngs(home: Path, size: int) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from training.data import load

    table = pa.table({"image": pa.array([_png(each) for each in load().test_images])})
    path = home / f"{size}.parquet-of-pngs"
    with pq.ParquetWriter(path, table.schema) as writer:
        for _ in range(size // len(table)):
            writer.write_table(table)
    return path


def _folder(home: Path, size: int) -> Path:
    from training.data import load

    pngs = [_png(each) for each in load().test_images]
    folder = home / str(size)
    _write(folder, (pngs[number % len(pngs)] for number in range(size)))
    return folder


if __name__ == "__main__":
    main()
