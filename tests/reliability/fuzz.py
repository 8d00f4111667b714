"""The coverage-guided fuzzer on all that reads what strangers send: `python -m tests.reliability.fuzz --seconds 600`, for ten minutes.

Atheris is installed in an environment of its own, in `build/fuzz`, beside what the service is locked to. Inputs that reach new lines are
kept there and are where the next run begins. Exit status 1, and the input's path, where one is a finding.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import subprocess
import sys
from pathlib import Path

from tests import data
from tests.reliability.corpus import pictures
from tests.server import ROOT

FOLDER = ROOT / "build" / "fuzz"
LOCKS = ("requirements/serve.lock", "requirements/fuzz.lock")
SHARES = {"image": 0.8, "multipart": 0.1, "tensor": 0.1}
"""Of the time: Pillow's readers are by far the most code."""
OPTIONS = ("-max_len=16384", "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1", "-verbosity=1")


def python() -> Path:
    """The environment's interpreter, which is made where it is missing or older than the locks."""
    environment = FOLDER / "environment"
    executable, stamp = environment / "bin" / "python", environment / "fuzz.stamp"
    locks = [ROOT / each for each in LOCKS]
    if not stamp.exists() or any(stamp.stat().st_mtime < each.stat().st_mtime for each in locks):
        subprocess.run([sys.executable, "-m", "venv", "--clear", environment], check=True)
        install: list[str | Path] = [
            executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            "--no-deps",
            "--require-hashes",
        ]
        subprocess.run([*install, *(word for each in locks for word in ("-r", each))], check=True)
        stamp.touch()
    return executable


def seeds() -> dict[str, dict[str, bytes]]:
    """By target: whole inputs, by name."""
    pixels = data.load()[0][0]
    part = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    picture = {"b64": base64.b64encode(pictures()["grey.png"]).decode()}
    inferred = {"name": "image", "shape": [1, 28, 28, 1], "datatype": "UINT8", "data": pixels.ravel().tolist()}
    return {
        "image": pictures(),
        "multipart": {
            "one": part + pictures()["grey.png"] + b"\r\n--b--\r\n",
            "several": part + b"1\r\n" + part + b"2\r\n--b--\r\n",
            "text": b'--b\r\nContent-Disposition: form-data; name="files"\r\n\r\ntext\r\n--b--\r\n',
        },
        "tensor": {
            "raw": pixels.tobytes(),
            "instances": json.dumps({"instances": [pixels.tolist()]}).encode(),
            "picture": json.dumps({"signature_name": "serving_default", "instances": [picture]}).encode(),
            "inputs": json.dumps({"inputs": {"image": [picture]}}).encode(),
            "infer": json.dumps({"id": "1", "inputs": [inferred], "outputs": [{"name": "logits"}]}).encode(),
        },
    }


def fuzzed(target: str, seconds: int) -> tuple[str, Path | None]:
    """Fuzz for so long: the last line of figures, and the input that is a finding, if there is one."""
    corpus, found = FOLDER / "corpus" / target, FOLDER / "found" / target
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    for name, content in seeds()[target].items():
        (corpus / name).write_bytes(content)
    command: list[str | Path] = [
        python(),
        "-m",
        "tests.reliability.fuzz_target",
        target,
        corpus,
        f"-max_total_time={seconds}",
        f"-artifact_prefix={found}/",
    ]
    done = subprocess.run([*command, *OPTIONS], cwd=ROOT, capture_output=True, check=False)
    said = done.stderr.decode(errors="replace") + done.stdout.decode(errors="replace")
    figures = [line for line in said.splitlines() if re.match(r"#\d+\s+\S+\s+cov:", line)]
    if done.returncode == 0 and figures:
        return figures[-1], None
    print(said[-6000:])
    written = re.search(r"Test unit written to (\S+)", said)
    if written is None:
        raise RuntimeError(f"the fuzzer of {target} did not run: exit status {done.returncode}")
    return (figures or ["no figures"])[-1], Path(written[1])


def main() -> int:
    """Fuzz every target, each for its share of the time."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, help="in all (default: 600)")
    parser.add_argument("--only", choices=SHARES, help="this target, all of the time")
    options = parser.parse_args()
    findings = 0
    for target, share in ({options.only: 1.0} if options.only else SHARES).items():
        figures, finding = fuzzed(target, max(1, round(options.seconds * share)))
        print(f"{target}: {figures}")
        if finding:
            print(f"{target}: a finding, {finding.relative_to(ROOT)}")
            findings += 1
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
