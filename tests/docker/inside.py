"""Load from inside a stack's network, where its service has a name: `python -m tests.docker.inside NAME`, until standard input ends.

Says `sending`, and at the end, as JSON, what it sent and what it saw.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from tests.reliability.ledger import Load


def main(name: str) -> None:
    """Send until standard input ends."""
    with Load(8000, host=name, pause=0.02) as load:
        sys.stdout.write("sending\n")
        sys.stdout.flush()
        sys.stdin.read()
    json.dump([asdict(each) for each in load.sent], sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
