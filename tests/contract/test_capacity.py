"""The plan in deploy/README.md is what the measurements give."""

from __future__ import annotations

import json
import re

from benchmarks.capacity import RESULTS, Weight, table, weigh
from tests.server import ROOT

PAGE = (ROOT / "deploy/README.md").read_text(encoding="utf-8")


def test_the_page_has_the_table_of_the_stored_results_and_of_what_a_request_weighs() -> None:
    found = re.search(r"a request of (\d+) bytes, its answer of (\d+), its log line of (\d+)\.", PAGE)
    assert found
    request, answer, log = map(int, found.groups())
    assert table(json.loads(RESULTS.read_text(encoding="utf-8")), Weight(request, answer, log)) in PAGE
    now = weigh()
    assert now.request == request
    assert abs(now.answer - answer) < 5  # digits of probabilities
    assert abs(now.log - log) < 10  # and of milliseconds
