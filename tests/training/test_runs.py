"""Files of finished runs: a row more each time, by several processes at once, and never half a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import REPOSITORY
from training import runs
from training.errors import TrainingError
from training.runs import add, rows


def test_where_there_is_no_file_there_are_no_rows(tmp_path: Path) -> None:
    assert rows(tmp_path / "models" / "study.json") == []


def test_rows_come_back_in_the_order_in_which_they_were_added(tmp_path: Path) -> None:
    path = tmp_path / "models" / "study.json"
    stored: list[dict[str, Any]] = [{"seed": 1, "test": {"accuracy": 0.5}}, {"seed": 0, "recipe": {}}, {"seed": 1}]
    for row in stored:
        add(path, row)
    assert rows(path) == stored
    assert [each.name for each in path.parent.iterdir()] == ["study.json"]


def test_several_processes_add_at_once_and_none_is_lost(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from training.runs import add
for count in range(50):
    add(Path(sys.argv[1]), {"from": sys.argv[2], "count": count})
"""
    path = tmp_path / "study.json"
    started = [subprocess.Popen([sys.executable, "-c", program, str(path), name], cwd=REPOSITORY) for name in ("a", "b", "c")]
    assert [process.wait(timeout=60) for process in started] == [0, 0, 0]
    stored = rows(path)
    assert len(stored) == 150
    for name in ("a", "b", "c"):
        assert [row["count"] for row in stored if row["from"] == name] == list(range(50))


@pytest.mark.parametrize("content", ["", '{"runs": [', "[]", '{"rows": []}', "\xff"])
def test_a_file_that_is_not_a_study_is_neither_read_nor_overwritten(tmp_path: Path, content: str) -> None:
    path = tmp_path / "study.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(TrainingError, match=r"can't be read .* remove it to start anew"):
        rows(path)
    with pytest.raises(TrainingError, match="can't be read"):
        add(path, {"seed": 0})
    assert path.read_bytes() == content.encode("latin-1")


def test_a_killed_process_leaves_the_rows_it_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "study.json"
    add(path, {"seed": 0})

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "write_json", fail)
    with pytest.raises(KeyboardInterrupt):
        add(path, {"seed": 1})
    monkeypatch.undo()
    add(path, {"seed": 2})  # and no lock
    assert rows(path) == [{"seed": 0}, {"seed": 2}]


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TrainingError, match=r"can't write to .*/file \(File exists\)"):
        add(tmp_path / "file" / "study.json", {"seed": 0})
