"""Pytest's workers share the tests by our groups; xdist's own once stopped working without a word."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.server import ROOT


def test_one_worker_runs_all_tests_of_a_file() -> None:
    files = ["tests/app/test_steps.py", "tests/app/test_codings.py"]
    options = ["--numprocesses", "2", "--dist", "loadscope", "--no-loadscope-reorder", "--no-cov", "--verbose"]
    done = subprocess.run([sys.executable, "-m", "pytest", *files, *options], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    ran = set(re.findall(r"\[(gw\d)\].* PASSED (tests/[\w/]+\.py)", done.stdout))
    assert sorted(file for _, file in ran) == sorted(files)
