"""Which engine serves the CNN best, end to end: `python -m benchmarks.engines`.

OpenVINO reads the SavedModel as it is; LiteRT has the file converted when a version is published; for ONNX Runtime one is converted
here. Each serves the same uploads in the same application, in turn, and its answers to all 10,000 test images are held against
TensorFlow's. Results go to `engines.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.serving import environments, saturation
from benchmarks.serving.contestants import Contestant
from benchmarks.serving.results import load_generator, machine, median
from benchmarks.serving.rounds import LOAD_CORE, SERVER_CORE, WARM_UP_S
from benchmarks.serving.server import Server
from benchmarks.serving.upload import MODEL, ROOT, uploads

CONVERTED = ROOT / "build" / "bench" / "engines"
MODELS = CONVERTED / "models"
ENVIRONMENT = "engines"
ENGINES = {"litert": "LiteRT", "openvino": "OpenVINO", "onnxruntime": "ONNX Runtime"}
CONVERT = """
import sys
from tf2onnx.convert import main
sys.argv[1:] = ["--saved-model", sys.argv[1], "--output", sys.argv[2], "--opset", "17"]
main()
"""


def main() -> None:
    """Convert, measure in turn, print the ratios to OpenVINO."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    options = parser.parse_args()
    python = environments.interpreter(ENVIRONMENT)
    _prepare(python)
    variables = {"BENCHMARK_CONVERTED": str(CONVERTED), "WARDROBE_MODELS_DIR": str(MODELS), "WARDROBE_REQUIRED_MODELS": '["cnn"]'}
    rounds: list[dict[str, dict[str, Any]]] = []
    images = uploads()
    for _ in range(options.rounds):
        rounds.append({})
        for engine, title in ENGINES.items():
            command = ("{python}", "-m", "benchmarks.peers.engine_server", engine, "{port}")
            contestant = Contestant(f"engine-{engine}", title, command, ENVIRONMENT, path="/predict?model=cnn", variables=variables)
            with Server(contestant, images[0], SERVER_CORE) as server:
                saturation.saturate(server, images[0], 16, WARM_UP_S, LOAD_CORE)
                measured: dict[str, Any] = dict(saturation.saturate(server, images[0], 16, options.seconds, LOAD_CORE))
                measured |= {"start_s": server.seconds_to_first_answer, "resident_mb": server.resident_megabytes()}
            rounds[-1][engine] = measured
    found: dict[str, Any] = {"machine": {**machine(), "load": load_generator()}, "rounds": options.rounds, "engines": {}}
    for engine, title in ENGINES.items():
        ratios = [each[engine]["requests_per_s"] / each["openvino"]["requests_per_s"] for each in rounds]
        row = {"title": title, **median([each[engine] for each in rounds]), "times_openvino": round(statistics.median(ratios), 3)}
        found["engines"][engine] = {**row, **_answers(python, engine)}
        print(json.dumps(found["engines"][engine]), flush=True)
    (ROOT / "benchmarks" / "engines.json").write_text(json.dumps(found, indent=1) + "\n")


def _prepare(python: Path) -> None:
    shutil.rmtree(CONVERTED, ignore_errors=True)
    shutil.copytree(MODEL, MODELS / MODEL.parent.name / MODEL.name)
    subprocess.run([str(python), "-c", CONVERT, str(MODEL), str(CONVERTED / "cnn.onnx")], check=True, stderr=subprocess.DEVNULL)


def _answers(python: Path, engine: str) -> dict[str, Any]:
    variables = {**os.environ, "BENCHMARK_CONVERTED": str(CONVERTED), "BENCHMARK_MODEL": str(MODEL), "PYTHONPATH": str(ROOT)}
    command = [str(python), "-m", "benchmarks.peers.engine_answers", engine]
    printed = subprocess.run(command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, text=True, check=True).stdout
    answers: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return answers


if __name__ == "__main__":
    main()
