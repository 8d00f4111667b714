"""The workers of the service as one: where each counts, and which of them live.

Several workers count in a folder of files, one set each, by the multiprocess mode of prometheus_client. What a dead worker counted
stays; what it was doing does not.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

from app.tally import LOCK

DEAD = "dead"
"""Where others have their process's id, the files of those that died have this."""


def merged(files: Path, kind: str = "*") -> list[Metric]:
    """What all workers counted in the folder `files`, dead ones too, in alphabetical order; of the `kind` "counter", "gauge" and so on."""
    with _locked(files, alone=False):
        for each in files.glob("gauge_*.db"):
            if not _lives(_owner(each)):
                each.unlink(missing_ok=True)  # another worker may be answering a scrape too
        # a file is empty while its worker makes it
        whole = [str(each) for each in sorted(files.glob(f"{kind}_*.db")) if each.stat().st_size]
        found: list[Metric] = list(MultiProcessCollector.merge(whole))
    return sorted(found, key=lambda each: each.name)


def fold(files: Path) -> None:
    """Add what dead workers counted up and remove their files: however often a worker dies, the folder stays small."""
    with _locked(files, alone=True):
        for path in sorted(files.glob("*.db")):
            if _owner(path) == DEAD or _lives(_owner(path)):
                continue
            kind = path.name.partition("_")[0]
            if kind != "gauge" and path.stat().st_size:
                total = MmapedDict(str(files / f"{kind}_{DEAD}.db"))
                for key, value, _, _ in MmapedDict.read_all_values_from_file(str(path)):
                    total.write_value(key, total.read_value(key)[0] + value, 0.0)
                total.close()
            path.unlink()


def processes(files: Path | None) -> list[str]:
    """The ids of the processes whose figures are the service's: the workers that count in `files` and the one that started them."""
    if files is None:
        return [str(os.getpid())]
    owners = {_owner(each) for each in files.glob("*.db")}
    return [str(os.getppid()), *sorted(each for each in owners if each != DEAD and _stat(each)[1:] == [str(os.getppid())])]


def _owner(path: Path) -> str:
    return path.stem.rpartition("_")[2]


def _lives(process: str) -> bool:
    """Whether it is a worker of this service; a process that was given a dead worker's number is not."""
    if not Path("/proc/self/stat").exists():
        try:
            os.kill(int(process), 0)
        except OSError:
            return False
        return True
    state, *parent = _stat(process)
    return state not in ("", "Z", "X") and parent == [str(os.getppid())]


def _stat(process: str) -> list[str]:
    """The state of a process, a letter, and its parent's id; an empty letter alone where there is no such process."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[:2]  # before it the name, in which anything may stand
    except OSError:
        return [""]


@contextmanager
def _locked(files: Path, *, alone: bool) -> Iterator[None]:
    """Files are read by any number at a time, and folded by one alone."""
    import fcntl  # not where there is Windows, and one worker

    with (files / LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
