"""Wardrobe against its peers in one run: `python -m benchmarks.serving`, or `make bench`.

Each contestant serves the same CNN on one core and is loaded from another, several times in turn; every answer is checked.
Results are written to `benchmarks/results.json`, with a plot beside it; the table is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from typing import Any

from benchmarks.serving import environments, rounds, scaling
from benchmarks.serving.contestants import CONTESTANTS
from benchmarks.serving.plot import plot
from benchmarks.serving.results import OURS, results
from benchmarks.serving.table import in_bulk, table
from benchmarks.serving.upload import ROOT, uploads

RESULTS = ROOT / "benchmarks" / "results.json"
PLOT = ROOT / "benchmarks" / "results.png"


def main() -> int:
    """Measure and write; exit status 2 where the machine lacks what that needs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often every contestant has its turn; medians are reported (default: 3)")
    parser.add_argument("--seconds", type=float, default=5, help="of each measurement (default: 5)")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=[each.name for each in CONTESTANTS], help="print, but write nothing")
    parser.add_argument("--table", action="store_true", help="print the table of the stored results")
    options = parser.parse_args()
    if options.table:
        stored = json.loads(RESULTS.read_text())
        print(table(stored), in_bulk(stored), sep="\n\n")
        return 0
    if lacking := [each for each in ("wrk", "taskset") if shutil.which(each) is None]:
        print(f"error: {' and '.join(lacking)} is needed: apt-get install wrk util-linux", file=sys.stderr)
        return 2
    if (os.cpu_count() or 1) < 2:
        print("error: two cores are needed, one for the server and one for the load", file=sys.stderr)
        return 2
    contestants = [each for each in CONTESTANTS if not options.only or each.name in (OURS, *options.only)]
    for each in contestants:
        environments.interpreter(each.environment)
    images = uploads()
    measured: list[dict[str, Any]] = []
    own: list[dict[str, Any]] = []
    for number in range(options.rounds):
        measured.append({})
        for contestant in list(contestants):
            try:
                measured[-1][contestant.name] = row = rounds.measure(contestant, images, options.seconds)
            except RuntimeError as error:
                if contestant.name == OURS:
                    raise
                contestants.remove(contestant)  # a peer that fails is no reason to lose the others' figures
                print(f"left out: {error}", flush=True)
                continue
            print(f"round {number + 1}: {contestant.title}: {row['saturated']['16']['requests_per_s']:,.0f} requests/s", flush=True)
        own.append(scaling.measure(images, options.seconds))
        print(f"round {number + 1}: two workers give {own[-1]['workers']['ratio']:.2f} times one", flush=True)
    found = results(contestants, measured, own)
    if not options.only:
        RESULTS.write_text(json.dumps(found, indent=2) + "\n")
        plot(found, PLOT)
    print(table(found), in_bulk(found), sep="\n\n")
    print(json.dumps(found["scaling"], indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
