"""What can't be read is said, not raised."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.cli.ending import WrongUsageError
from app.cli.sources import Found, find, read
from app.errors import BodyTooLargeError, UnprocessableImageError


def test_a_folder_that_can_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refused)  # root, which tests may be, may read everything
    with pytest.raises(WrongUsageError, match=f"The folder '{tmp_path}' can't be read: Permission denied."):
        find([str(tmp_path)])


def test_a_file_that_can_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(UnprocessableImageError, match="The file can't be read: No such file or directory"):
        read(str(tmp_path / "gone.png"), 10)


def test_a_file_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "ten"
    path.write_bytes(b"0123456789")
    assert read(str(path), 10) == b"0123456789"
    with pytest.raises(BodyTooLargeError, match="larger than 9 bytes"):
        read(str(path), 9)


def test_a_file_called_like_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "-").write_bytes(b"a file")
    monkeypatch.chdir(tmp_path)
    assert find(["./-"]) == Found(["./-"], 0)
    assert read("./-", 10) == b"a file"
