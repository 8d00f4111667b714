"""How long from process start to the first right answer, and what a worker takes: `python -m benchmarks.start`.

Each round starts `python -m app` on the committed models and sends a real test image until it is answered rightly.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parent.parent
IMAGE = (ROOT / "tests" / "data" / "ankle-boot.png").read_bytes()


def main() -> None:
    """Print the median over the rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--port", type=int, default=8765)
    options = parser.parse_args()
    rounds = [_round(options.port) for _ in range(options.rounds)]
    seconds, megabytes = zip(*rounds, strict=True)
    print(f"start to first right answer: median {statistics.median(seconds):.2f} s (all: {', '.join(f'{each:.2f}' for each in seconds)})")
    print(f"resident memory after it: median {statistics.median(megabytes):.0f} MB")


def _round(port: int) -> tuple[float, float]:
    started = time.perf_counter()
    server = subprocess.Popen([sys.executable, "-m", "app", "--port", str(port)], cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        while not _answers(port):
            if server.poll() is not None:
                raise SystemExit(f"the server ended with status {server.returncode}: is port {port} free?")
            time.sleep(0.005)
        seconds = time.perf_counter() - started
        kilobytes = subprocess.run(["ps", "-o", "rss=", "-p", str(server.pid)], capture_output=True, text=True, check=True).stdout
        return seconds, int(kilobytes) * 1024 / 1e6
    finally:
        server.terminate()
        server.wait()


def _answers(port: int) -> bool:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/predict", IMAGE, {"Content-Type": "image/png"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return b'"label":"Ankle boot"' in answer.read()
    except urllib.error.URLError:
        return False


if __name__ == "__main__":
    main()
