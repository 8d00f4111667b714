"""The figures in deploy/README.md are what the measurements gave."""

from __future__ import annotations

import json
import re

import benchmarks.ray_serve.__main__ as ray_serve
from benchmarks.capacity import Weight, plan, weigh
from tests.server import ROOT

PAGE = (ROOT / "deploy/README.md").read_text(encoding="utf-8")


def test_the_page_has_what_the_command_prints() -> None:
    found = re.search(r"a request of (\d+) bytes, its answer of (\d+), its log line of (\d+); (\d+) time series\.", PAGE)
    assert found
    stored = Weight(*map(int, found.groups()))
    assert plan(stored) in PAGE
    now = weigh()
    assert (now.request, now.series) == (stored.request, stored.series)
    assert abs(now.answer - stored.answer) < 10  # digits of probabilities
    assert abs(now.log - stored.log) < 10  # and of milliseconds


def test_the_page_has_what_ray_serve_took() -> None:
    assert ray_serve.table(json.loads(ray_serve.RESULTS.read_text(encoding="utf-8"))) in PAGE
