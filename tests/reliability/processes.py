"""What the kernel says of a process."""

from __future__ import annotations

from pathlib import Path


def held(process: int, port: int) -> frozenset[int]:
    """The clients' ports of the connections to `port` that a process holds."""
    sockets = set()
    for descriptor in Path(f"/proc/{process}/fd").iterdir():
        target = str(descriptor.readlink())
        if target.startswith("socket:["):
            sockets.add(target[len("socket:[") : -1])
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ends = ((row[1].rpartition(":")[2], row[2].rpartition(":")[2]) for row in rows if row[9] in sockets)
    return frozenset(int(theirs, 16) for ours, theirs in ends if int(ours, 16) == port and int(theirs, 16))


def state(process: int) -> str:
    """Its letter: T is stopped, Z dead and not waited for.

    Raises:
        FileNotFoundError: There is no such process.
    """
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
