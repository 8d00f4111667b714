"""Publishing: a version is there completely or not at all, whatever happens to the process, its neighbours or the disk."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.training.conftest import ENVIRONMENT, LONGEST, REPOSITORY
from training.errors import TrainingError
from training.publish import Publication, published, recover, unwritable, verify, write_json

CONTENT = {"card.json": "{}", "variables/data": "x" * 100_000, "plots/deeper/roc.png": "png", ".hidden": "too"}


def fill(folder: Path, content: dict[str, str] = CONTENT) -> None:
    for name, text in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def publish(models: Path, content: dict[str, str] = CONTENT, replace: int | None = None) -> Path:
    with Publication(models, "cnn", replace) as draft:
        for old in draft.folder.iterdir():
            old.unlink()
        fill(draft.folder, content)
        return draft.publish()


def contents(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file()}


def assert_complete(folder: Path, content: dict[str, str] = CONTENT) -> None:
    """Checked without the code under test: every file is there, and the manifest lists exactly these with their sums."""
    found = contents(folder)
    manifest = json.loads(found.pop("manifest.json"))
    assert found == content
    assert manifest == {"sha256": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in content.items()}}


def visible(home: Path) -> list[str]:
    return sorted(path.name for path in home.iterdir() if not path.name.startswith("."))


def hidden(home: Path) -> list[str]:
    return sorted(path.name for path in home.iterdir() if path.name.startswith("."))


def test_nothing_is_visible_before_publish_and_everything_after(tmp_path: Path) -> None:
    with Publication(tmp_path, "cnn") as draft:
        fill(draft.folder)
        assert visible(tmp_path / "cnn") == []
        assert published(tmp_path / "cnn") == []
        assert draft.version == 1
        assert draft.publish() == tmp_path / "cnn" / "1"
    assert os.listdir(tmp_path / "cnn") == ["1"]  # noqa: PTH208  # hidden ones too
    assert_complete(tmp_path / "cnn" / "1")


def test_leaving_without_publishing_leaves_nothing(tmp_path: Path) -> None:
    with Publication(tmp_path, "cnn") as draft:
        fill(draft.folder)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
def test_what_stops_the_work_removes_the_draft_and_goes_on(tmp_path: Path, error: type[BaseException]) -> None:
    def stopped() -> None:
        with Publication(tmp_path, "cnn") as draft:
            fill(draft.folder)
            raise error

    with pytest.raises(error):
        stopped()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_an_answer(tmp_path: Path) -> None:
    with (
        pytest.raises(TrainingError, match=r"can't write to .*cnn \(No such file or directory\): free some space, mend") as caught,
        Publication(tmp_path, "cnn") as draft,
    ):
        (draft.folder / "nowhere" / "file").write_text("")
    assert caught.value.exit_status == 1
    assert list(tmp_path.iterdir()) == []


def test_versions_count_up_from_the_highest(tmp_path: Path) -> None:
    assert [publish(tmp_path).name for _ in range(3)] == ["1", "2", "3"]
    (tmp_path / "cnn" / "3").rename(tmp_path / "cnn" / "11")
    assert publish(tmp_path).name == "12"
    assert published(tmp_path / "cnn") == [1, 2, 11, 12]


def test_a_folder_without_a_manifest_is_no_version_but_its_number_is_taken(tmp_path: Path) -> None:
    publish(tmp_path)
    (tmp_path / "cnn" / "2").mkdir()
    (tmp_path / "cnn" / "2" / "card.json").touch()
    assert published(tmp_path / "cnn") == [1]
    assert publish(tmp_path).name == "3"
    assert published(tmp_path / "cnn") == [1, 3]


@pytest.mark.parametrize("name", ["0", "01", "٣", "1a", "-1", "latest", ".5"])
def test_only_positive_integers_are_versions(tmp_path: Path, name: str) -> None:
    publish(tmp_path).rename(tmp_path / "cnn" / name)
    assert published(tmp_path / "cnn") == []
    assert publish(tmp_path).name == "1"


def test_a_model_that_was_never_published_has_no_versions(tmp_path: Path) -> None:
    assert published(tmp_path / "cnn") == []


def test_two_drafts_at_once_are_two_versions(tmp_path: Path) -> None:
    with Publication(tmp_path, "cnn") as one, Publication(tmp_path, "cnn") as other:
        assert (one.version, other.version) == (1, 2)
        fill(other.folder)
        other.publish()
        fill(one.folder)
        one.publish()
    assert sorted(os.listdir(tmp_path / "cnn")) == ["1", "2"]  # noqa: PTH208


def test_a_replacement_takes_the_versions_place(tmp_path: Path) -> None:
    publish(tmp_path)
    publish(tmp_path, {"report.html": "new"}, replace=1)
    assert os.listdir(tmp_path / "cnn") == ["1"]  # noqa: PTH208
    assert_complete(tmp_path / "cnn" / "1", {"report.html": "new"})


def test_a_replacement_given_up_leaves_the_version_as_it_was(tmp_path: Path) -> None:
    publish(tmp_path)
    with Publication(tmp_path, "cnn", replace=1) as draft:
        fill(draft.folder, {"report.html": "new"})
        assert draft.version == 1
    assert os.listdir(tmp_path / "cnn") == ["1"]  # noqa: PTH208
    assert_complete(tmp_path / "cnn" / "1")


def test_a_replacement_that_fails_leaves_the_version_as_it_was(tmp_path: Path) -> None:
    publish(tmp_path)
    with Publication(tmp_path, "cnn", replace=1) as draft:
        fill(draft.folder, {"report.html": "new"})
        (tmp_path / "cnn" / ".1.retired" / "in the way").mkdir(parents=True)
        with pytest.raises(OSError, match="Directory not empty"):
            draft.publish()
    assert os.listdir(tmp_path / "cnn") == ["1"]  # noqa: PTH208
    assert_complete(tmp_path / "cnn" / "1")


def test_a_version_is_replaced_by_one_process_at_a_time(tmp_path: Path) -> None:
    publish(tmp_path)
    with Publication(tmp_path, "cnn", replace=1) as first:
        with (
            pytest.raises(TrainingError, match=r"another process is working on .*: wait until it has ended"),
            Publication(tmp_path, "cnn", replace=1),
        ):
            pass
        fill(first.folder, {"report.html": "new"})
        first.publish()
    assert_complete(tmp_path / "cnn" / "1", {"report.html": "new"})


def test_leaving_late_does_not_touch_the_next_replacement(tmp_path: Path) -> None:
    publish(tmp_path)
    with ExitStack() as left_last:
        with ExitStack() as left_first:
            early = left_first.enter_context(Publication(tmp_path, "cnn", replace=1))
            fill(early.folder)
            early.publish()
            late = left_last.enter_context(Publication(tmp_path, "cnn", replace=1))
            fill(late.folder, {"report.html": "late"})
        late.publish()
    assert_complete(tmp_path / "cnn" / "1", {"report.html": "late"})


def test_verify_names_what_was_changed_lost_or_added(tmp_path: Path) -> None:
    folder = publish(tmp_path)
    verify(folder)
    (folder / "card.json").write_text("changed")
    (folder / "variables" / "data").unlink()
    (folder / "new").touch()
    message = re.escape(f"{folder} is not what was published (card.json, new, variables/data): restore the folder, or remove it and train")
    with pytest.raises(TrainingError, match=message):
        verify(folder)


@pytest.mark.parametrize("manifest", ["", "[]", '{"sha256": 1}', "{}", "\xff"])
def test_verify_answers_to_a_broken_manifest(tmp_path: Path, manifest: str) -> None:
    folder = publish(tmp_path)
    (folder / "manifest.json").write_text(manifest, encoding="latin-1")
    with pytest.raises(TrainingError, match=r"is not what was published \(manifest\.json"):
        verify(folder)


def test_json_is_written_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_json(path, {"label": "Ankle boot", "größe": 1.5})
    write_json(path, {"label": "Bag", "größe": 2.5})
    assert path.read_text(encoding="utf-8") == '{\n "label": "Bag",\n "größe": 2.5\n}\n'
    with pytest.raises(TypeError):
        write_json(path, {"label": object()})
    assert json.loads(path.read_text(encoding="utf-8")) == {"label": "Bag", "größe": 2.5}
    assert list(tmp_path.iterdir()) == [path]


# Other processes


def process(program: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=REPOSITORY,
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


KILLED_AT_EVERY_STEP = """
import os, shutil, signal, sys
from pathlib import Path
from training.publish import Publication

replace = int(sys.argv[2]) or None
STEPS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.scandir", "shutil.rmtree"}

def publish(models):
    with Publication(models, "cnn", replace) as draft:
        (draft.folder / "card.json").write_text("new")
        (draft.folder / "variables").mkdir()
        (draft.folder / "variables" / "data").write_text("new")
        draft.publish()

def ends_by_itself(step):
    models = Path(sys.argv[1], str(step))
    if replace:
        shutil.copytree(Path(sys.argv[1], "published"), models)
    child = os.fork()
    if not child:
        left = step
        def kill(event, arguments):
            nonlocal left
            if event in STEPS:
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(kill)
        publish(models)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0

step = 0
while not ends_by_itself(step):
    step += 1
print(step)
"""
"""Publishes in one child process after another, each killed at the next of its file system operations, until one gets through."""

NEW = {"card.json": "new", "variables/data": "new"}


def test_a_process_killed_at_any_step_leaves_a_complete_version_or_none(tmp_path: Path) -> None:
    with process(KILLED_AT_EVERY_STEP, tmp_path, 0) as killer:
        steps = int(killer.communicate(timeout=LONGEST)[0])
    outcomes = set()
    for step in range(steps):
        home = tmp_path / str(step) / "cnn"
        if not home.is_dir():
            assert step < 5
            continue
        assert visible(home) in ([], ["1"])
        assert all(re.fullmatch(r"\.1\.draft", name) for name in hidden(home))
        outcomes.add((len(visible(home)), len(hidden(home))))
        if visible(home):
            assert_complete(home / "1", NEW)
        expected = str(1 + len(visible(home)))
        assert publish(home.parent).name == expected
        assert hidden(home) == []
    assert outcomes == {(0, 0), (0, 1), (1, 0)}  # before the draft, while it was made, after it had moved


def test_a_process_killed_at_any_step_of_a_replacement_leaves_the_old_version_or_the_new(tmp_path: Path) -> None:
    publish(tmp_path / "published")
    with process(KILLED_AT_EVERY_STEP, tmp_path, 1) as killer:
        steps = int(killer.communicate(timeout=LONGEST)[0])
    left = set()
    for step in range(steps):
        home = tmp_path / str(step) / "cnn"
        left |= {*visible(home), *hidden(home)}
        for name in visible(home):
            assert name == "1"
            assert_complete(home / name, NEW if contents(home / name)["card.json"] == "new" else CONTENT)
        if step % 2:  # either way brings the version back
            recover(home)
            assert visible(home) == ["1"]
        assert publish(home.parent).name == "2"
        assert sorted(os.listdir(home)) == ["1", "2"]  # noqa: PTH208
        assert_complete(home / "1", NEW if contents(home / "1")["card.json"] == "new" else CONTENT)
    assert left == {"1", ".1.draft", ".1.retired"}


def test_a_draft_that_another_process_is_making_is_left_alone(tmp_path: Path) -> None:
    program = """
import sys
from contextlib import ExitStack
from pathlib import Path
from training.publish import Publication
with Publication(Path(sys.argv[1]), "cnn") as draft:
    (draft.folder / "card.json").write_text("slow")
    print(draft.version, flush=True)
    sys.stdin.readline()
    draft.publish()
"""
    with process(program, tmp_path) as slow:
        assert slow.stdout
        assert slow.stdin
        assert slow.stdout.readline() == "1\n"
        assert publish(tmp_path).name == "2"
        assert hidden(tmp_path / "cnn") == [".1.draft"]
        slow.stdin.write("\n")
    assert slow.returncode == 0
    assert_complete(tmp_path / "cnn" / "1", {"card.json": "slow"})
    assert_complete(tmp_path / "cnn" / "2")


def test_many_processes_publish_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    program = """
import sys
from contextlib import ExitStack
from pathlib import Path
from training.publish import Publication
print("ready", flush=True)
sys.stdin.readline()
for number in range(25):
    with Publication(Path(sys.argv[1]), "cnn") as draft:
        (draft.folder / "card.json").write_text(f"{sys.argv[2]} {number}")
        draft.publish()
"""
    processes = [process(program, tmp_path, name) for name in "abcd"]
    for each in processes:
        assert each.stdout
        assert each.stdout.readline() == "ready\n"
    for each in processes:
        assert each.stdin
        each.stdin.write("\n")
        each.stdin.flush()
    for each in processes:
        with each:
            each.communicate(timeout=LONGEST)
        assert each.returncode == 0
    assert published(tmp_path / "cnn") == list(range(1, 101))
    written = set()
    for folder in (tmp_path / "cnn").iterdir():
        card = (folder / "card.json").read_text()
        assert_complete(folder, {"card.json": card})
        written.add(card)
    assert written == {f"{name} {number}" for name in "abcd" for number in range(25)}


# Disks that are full or read-only


def mounting(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a program that may mount file systems, which go with it: as root, or as a user who is root in a namespace of its own."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return subprocess.run(
        ["unshare", *user, "--mount", sys.executable, "-c", MOUNT + program, *map(str, arguments)],
        cwd=REPOSITORY,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )


MOUNT = """
import subprocess, sys
from pathlib import Path
from training.errors import TrainingError

def mount(options, folder):
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], check=True)

def answer(work):
    try:
        work()
    except TrainingError as error:
        print(error.exit_status, error, flush=True)
"""


def test_a_disk_that_is_full_or_read_only_is_an_answer(tmp_path: Path) -> None:
    program = """
from training import publish

disk = Path(sys.argv[1])

def version(size):
    with publish.Publication(disk, "cnn") as draft:
        (draft.folder / "data").write_bytes(bytes(size))
        draft.publish()
    print("published", flush=True)

mount("size=20m", disk)
answer(lambda: version(1))
mount("size=40m", disk)
answer(lambda: version(1))
answer(lambda: version(50_000_000))
print(sorted(path.name for path in (disk / "cnn").iterdir()))
(disk / "cnn" / ".9.retired").mkdir()
mount("remount,ro", disk)
answer(lambda: version(1))
answer(lambda: publish.recover(disk / "cnn"))
"""
    done = mounting(program, tmp_path)
    assert done.returncode == 0, done.stderr
    small, fits, full, left, *read_only = done.stdout.splitlines()
    home, remedy = tmp_path / "cnn", "free some space, mend the folder's permissions, or choose another folder with --output"
    assert re.fullmatch(rf"1 {home} has 20,9\d\d,\d\d\d bytes free and needs 33,554,432: {re.escape(remedy)}", small)
    assert fits == "published"
    assert full == f"1 can't write to {home} (No space left on device): {remedy}"
    assert left == "['1']"
    assert read_only == [f"1 can't write to {home} (Read-only file system): {remedy}"] * 2


def test_a_disk_that_fills_up_while_a_run_writes_is_an_answer(tmp_path: Path) -> None:
    """Full for the draft's folder, for what a run continues from, in the middle of TensorFlow's weights, and for the report."""
    program = """
from training import publish
from training.__main__ import main

publish.NEEDED_BYTES = 0  # it would refuse these disks at once
disk = Path(sys.argv[1])
for options in sys.argv[2:]:
    mount(options, disk)
    status = main(["train", "ann", "--recipe", "paper", "--limit", "200", "--epochs", "1", "--output", str(disk)])
    print(options, status, *sorted(path.name for path in disk.glob("*/*")), flush=True)
    subprocess.run(["umount", disk], check=True)  # which no file left open allows
"""
    sizes = ["nr_inodes=2", "size=100k", "size=4300k", "size=5000k"]
    done = mounting(program, tmp_path, *sizes)
    assert done.returncode == 0, done.stderr
    statuses = [line for line in done.stdout.splitlines() if line.startswith(("nr_inodes", "size"))]
    # the last two runs have an epoch to continue from
    assert statuses == ["nr_inodes=2 1", "size=100k 1", "size=4300k 1 .training", "size=5000k 1 .training"]
    assert "Traceback" not in done.stderr
    answers = re.findall(rf"error: can't write to {tmp_path / 'ann'}\S* \(No space left on device\): free some space, ", done.stderr)
    assert len(answers) == done.stderr.count("error: ") == len(sizes), done.stderr


@pytest.mark.parametrize("place", ["models", "model"])
def test_a_file_in_the_folders_place_is_an_answer(tmp_path: Path, place: str) -> None:
    models = tmp_path / "models"
    if place == "models":
        models.touch()
    else:
        models.mkdir()
        (models / "cnn").touch()
    with pytest.raises(TrainingError, match=r"can't write to .*: free some space, mend the folder's permissions, or choose another"):
        publish(models)


def test_a_folder_of_another_user_names_the_containers_remedy(tmp_path: Path) -> None:
    error = unwritable(tmp_path, PermissionError(errno.EACCES, "Permission denied"))
    assert "Permission denied" in str(error)
    assert "WARDROBE_UID=$(id -u)" in str(error)
