"""A run that is killed, stopped or out of space at any moment goes on to the very same file, or leaves none."""

from __future__ import annotations

import fcntl
import gzip
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.training.conftest import ENVIRONMENT, LONGEST, REPOSITORY, TRAINING
from tests.training.scoring.conftest import Images, Score
from tests.training.scoring.kinds import idx
from tests.training.test_publish import mounting

KILLED = """
import os, signal, sys
import ai_edge_litert.interpreter, pandas, rich.progress  # what every child would import: pandas by Arrow, which looks for it
from training.__main__ import main
from training.scoring import score, unfinished

given, home = sys.argv[1:]
score.PART_ROWS = unfinished.PART_ROWS = 64

def run(number, change=-1):  # killed at so manieth change of a folder or opening of a part; how it ended
    child = os.fork()
    if not child:
        def watch(event, given):
            nonlocal change
            if event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir") or (event == "open" and ".parts/" in str(given[0])):
                change -= 1
                if not change:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(watch)
        os._exit(main(["score", given, f"{home}/{number}.parquet"]))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

number = 1
while (ended := run(number, number)) == -signal.SIGKILL:
    assert run(number) == 0
    number += 1
assert ended == 0
print(number)
"""


def test_killed_at_any_change_it_goes_on_to_the_same_file(images: Images, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", images)
    home = tmp_path / "outputs"
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path / "images.npy", home],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    changes = int(done.stdout.splitlines()[-1])
    assert changes > 12  # the folder, the job, five parts, the output, and what is removed again
    whole = (home / f"{changes}.parquet").read_bytes()  # by the run that was let go
    assert [each for each in range(1, changes) if (home / f"{each}.parquet").read_bytes() != whole] == []


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Until the process has written the file."""
    while not path.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)


def test_killed_and_stopped_it_goes_on(images: Images, tmp_path: Path, output: Path) -> None:
    np.save(tmp_path / "images.npy", np.tile(images, (250, 1, 1)))
    parts = output.with_name(f".{output.name}.parts")
    command = [*TRAINING, "score", str(tmp_path / "images.npy"), str(output), "--model", "ann"]

    def ended(number: int, part: int) -> tuple[int, str, str]:
        with subprocess.Popen(command, cwd=REPOSITORY, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
            wait_for(parts / f"{part:08}.arrow", run)
            run.send_signal(number)
            said, errors = run.communicate(timeout=LONGEST)
        assert not output.exists()
        return run.returncode, said, errors

    assert ended(signal.SIGKILL, 0)[0] == -signal.SIGKILL
    status, said, errors = ended(signal.SIGINT, 2)
    assert (status, errors) == (130, "stopped: OUTPUT is not written yet; the same command goes on after the last stored rows\n")
    assert "going on after the " in said
    done = subprocess.run(command, cwd=REPOSITORY, env=ENVIRONMENT, capture_output=True, text=True, timeout=LONGEST, check=True)
    [stored] = [int(line.split()[4].replace(",", "")) for line in done.stdout.splitlines() if line.startswith("going on after the ")]
    assert stored >= 3 * 8192
    table = pq.read_table(output)
    assert table["row"].to_pylist() == list(range(75_000))
    found = np.array(table["probabilities"].combine_chunks().flatten()).reshape(250, 300, 10)
    np.testing.assert_allclose(found, np.broadcast_to(found[0], found.shape), atol=1e-6)
    assert not parts.exists()


@pytest.fixture
def cut_short(score: Score, images: Images, tmp_path: Path, output: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An input that is damaged in the end, scored up to there."""
    for module in ("score", "unfinished"):
        monkeypatch.setattr(f"training.scoring.{module}.PART_ROWS", 64)
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(idx(images))[:-20])
    assert score(path).status == 2
    parts = output.with_name(f".{output.name}.parts")
    assert sorted(each.name for each in parts.iterdir()) == [*(f"{each:08}.arrow" for each in range(4)), "job.json"]
    return path


@pytest.mark.parametrize(
    ("options", "differing"),
    [
        (("--model", "ann"), "model and another manifest"),
        (("--version", 1), "version and another manifest"),
        (("--batch", 8), "batch size"),
    ],
)
def test_another_request_does_not_go_on(
    score: Score, output: Path, images: Images, cut_short: Path, options: tuple[object, ...], differing: str
) -> None:
    done = score(cut_short, *options)
    remedy = "go on with the same, name another file, or add --again to score anew"
    assert (done.status, done.errors) == (2, f"error: {output} has an unfinished run with another {differing}: {remedy}\n")
    cut_short.write_bytes(gzip.compress(idx(images)))
    done = score(cut_short)
    assert (done.status, done.errors) == (2, f"error: {output} has an unfinished run with another input: {remedy}\n")
    assert len(score(cut_short, "--again", *options).rows) == 300


def test_an_output_is_replaced_only_when_that_is_asked_for(score: Score, output: Path, images: Images, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", images)
    assert score(tmp_path / "images.npy").status == 0
    before = output.read_bytes()
    done = score(tmp_path / "images.npy", "--model", "ann")
    assert (done.status, done.errors) == (
        2,
        f"error: {output} is there already: name another file, or add --again to score anew and replace it\n",
    )
    assert output.read_bytes() == before
    assert score(tmp_path / "images.npy", "--model", "ann", "--again").status == 0
    assert output.read_bytes() != before
    assert sorted(each.name for each in tmp_path.iterdir()) == [output.name, "images.npy"]


def test_the_old_output_stays_until_the_new_one_is_whole(
    score: Score, output: Path, images: Images, tmp_path: Path, cut_short: Path
) -> None:
    np.save(tmp_path / "images.npy", images)
    assert score(tmp_path / "images.npy", "--again").status == 0
    before = output.read_bytes()
    assert score(cut_short, "--again").status == 2
    assert output.read_bytes() == before


def test_one_process_at_a_time(score: Score, output: Path, cut_short: Path) -> None:
    parts = os.open(output.with_name(f".{output.name}.parts"), os.O_RDONLY)
    try:
        fcntl.flock(parts, fcntl.LOCK_SH)
        done = score(cut_short)
    finally:
        os.close(parts)
    answer = f"error: another process is scoring into {output}: wait until it has ended, or name another file\n"
    assert (done.status, done.errors) == (2, answer)


def test_what_is_damaged_between_two_runs_is_an_answer(score: Score, output: Path, images: Images, tmp_path: Path, cut_short: Path) -> None:
    parts = output.with_name(f".{output.name}.parts")
    (parts / "job.json").write_text("[]")
    assert f"error: {parts / 'job.json'} can't be read (" in score(cut_short).errors
    np.save(tmp_path / "images.npy", images)
    assert score(tmp_path / "images.npy", "--again").status == 0


def test_parts_of_an_unknown_job_are_not_taken(score: Score, output: Path, images: Images, tmp_path: Path, cut_short: Path) -> None:
    (output.with_name(f".{output.name}.parts") / "job.json").unlink()
    np.save(tmp_path / "images.npy", images)
    rows = score(tmp_path / "images.npy", "--model", "ann").rows
    assert score(tmp_path / "images.npy", "--model", "ann", "--again").rows == rows


def test_an_output_that_is_a_folder_is_an_answer(images: Images, tmp_path: Path, output: Path) -> None:
    np.save(tmp_path / "images.npy", images)
    output.mkdir()
    program = [*TRAINING, "score", str(tmp_path / "images.npy"), str(output)]
    done = subprocess.run(program, cwd=REPOSITORY, env=ENVIRONMENT, capture_output=True, text=True, timeout=LONGEST, check=False)
    assert (done.returncode, done.stderr) == (2, f"error: {output} is a folder: name a file to write, such as {output}/answers.parquet\n")


def test_a_full_disk_is_an_answer_and_the_same_command_goes_on(images: Images, tmp_path: Path, output: Path) -> None:
    """Full for the job, a part, and the output; then there is space."""
    program = """
from training.__main__ import main
from training.scoring import score, unfinished

score.PART_ROWS = unfinished.PART_ROWS = 512
given, disk, *sizes = sys.argv[1:]
mount(sizes[0], disk)
for size in sizes:
    subprocess.run(["mount", "-o", f"remount,{size}", disk], check=True)
    status = main(["score", given, f"{disk}/answers.parquet"])
    print("=", size, status, *sorted(str(path.relative_to(disk)) for path in Path(disk).glob("*.parquet")), flush=True)
print("rows", __import__("pyarrow.parquet").parquet.read_table(f"{disk}/answers.parquet").num_rows)
"""
    np.save(tmp_path / "images.npy", np.tile(images, (10, 1, 1)))
    (tmp_path / "disk").mkdir()
    done = mounting(program, tmp_path / "images.npy", tmp_path / "disk", "size=4k", "size=120k", "size=250k", "size=10m")
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith(("=", "rows", "going"))] == [
        "= size=4k 1",
        "= size=120k 1",
        "going on after the 1,024 rows that are scored",
        "= size=250k 1",
        "going on after the 3,000 rows that are scored",
        "= size=10m 0 answers.parquet",
        "rows 3000",
    ]
    answer = (
        f"error: can't write to {tmp_path / 'disk'} (No space left on device): free some space or mend the folder's permissions, "
        "and the same command goes on where it was"
    )
    assert done.stderr.splitlines() == [answer] * 3


MEMORY = """
import sys
from pathlib import Path
from training.__main__ import main

main(sys.argv[1:])
print(*(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))  # getrusage has the parent's too
"""


def test_memory_does_not_grow_with_the_input(images: Images, tmp_path: Path) -> None:
    peaks = []
    for times in (110, 550):  # 33,000 images in 26 MB, and 165,000 in 129
        np.save(tmp_path / f"{times}.npy", np.tile(images, (times, 1, 1)))
        command = ["score", str(tmp_path / f"{times}.npy"), str(tmp_path / f"{times}.parquet"), "--model", "ann"]
        done = subprocess.run([sys.executable, "-c", MEMORY, *command], cwd=REPOSITORY, capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout.split()[-2]) / 1000)
    assert peaks[1] - peaks[0] < 40, peaks
