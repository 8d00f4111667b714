"""A run that is not whole yet: its parts, in a hidden folder beside the output, until they are merged into it.

A Parquet file can't be continued, so finished parts lie in files of their own, in Arrow's format, which costs next to nothing to write.
Each is moved into place when it is whole, so a process that is killed loses the part that it was at.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from training.errors import TrainingError
from training.publish import flush, write_json
from training.scoring.answers import PARQUET

PART_ROWS = 8192
"""Rows of a part: seconds of work even for a slow model, and 6 MB of pixels, of which three parts may be in memory."""
GROUP_PARTS = 8
"""Parts in a row group of the output: 65,536 rows, so that readers have little to look up, in a few megabytes of memory."""
JOB = "job.json"


class Unfinished:
    """The unfinished run for `output`; only one process has it: `with Unfinished(output, job, again=False) as run: …; run.merge(schema)`.

    `job` says what is scored by what, in JSON's types. Without `merge()` the finished parts stay for the next time.

    Raises:
        TrainingError: The output is there already, or parts of another job are; another process is working on it; the folder can't be
            written to.
    """

    def __init__(self, output: Path, job: dict[str, Any], again: bool) -> None:
        self._output, self._job, self._again = output, job, again
        self._folder = output.with_name(f".{output.name}.parts")
        self.parts = 0
        """How many are finished, from the first one on without a gap."""

    def __enter__(self) -> Self:
        if self._output.is_dir():
            raise TrainingError(f"{self._output} is a folder: name a file to write, such as {self._output / 'answers.parquet'}", 2)
        if self._output.exists() and not self._again and not self._folder.exists():
            raise TrainingError(f"{self._output} is there already: name another file, or add --again to score anew and replace it", 2)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self._folder, os.O_RDONLY)
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            self._take_up()
        except BaseException:
            os.close(self._lock)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error and not self.parts:  # nothing to go on with
            shutil.rmtree(self._folder, ignore_errors=True)
        os.close(self._lock)
        if isinstance(error, OSError):
            raise self._unwritable(error) from error

    def add(self, table: pa.Table) -> None:
        """Store the next part."""
        final = self._part(self.parts)
        draft = final.with_suffix(".draft")
        with pa.OSFile(str(draft), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        flush(draft)
        draft.rename(final)
        self.parts += 1

    def merge(self, schema: pa.Schema) -> int:
        """Write all parts into the output, which appears when it is whole, and remove them.

        Returns:
            How many rows have an error.
        """
        draft, errors = self._folder / "merged.draft", 0
        with pq.ParquetWriter(draft, schema, **PARQUET) as writer:
            for first in range(0, self.parts, GROUP_PARTS):
                group = pa.concat_tables(self._read(each) for each in range(first, min(first + GROUP_PARTS, self.parts)))
                errors += len(group) - group["error"].null_count
                writer.write_table(group, row_group_size=GROUP_PARTS * PART_ROWS)
        flush(draft)
        draft.rename(self._output)
        flush(self._output.parent)
        (self._folder / JOB).unlink()
        shutil.rmtree(self._folder)
        return errors

    def _take_up(self) -> None:
        """Make the folder this job's, with what it has of it already."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TrainingError(
                f"another process is scoring into {self._output}: wait until it has ended, or name another file", 2
            ) from None
        try:
            if self._again:
                (self._folder / JOB).unlink(missing_ok=True)
            if not (self._folder / JOB).exists():  # parts that nobody knows the job of, as it is written first and removed first
                for path in self._folder.iterdir():
                    path.unlink()
                write_json(self._folder / JOB, self._job)
            begun = json.loads((self._folder / JOB).read_bytes())
            differing = [name for name in self._job if begun.get(name) != self._job[name]]
        except OSError as error:  # also where the folder has gone, as the process that had it has ended since
            raise self._unwritable(error) from error
        except (ValueError, AttributeError) as error:
            raise TrainingError(f"{self._folder / JOB} can't be read ({error}): add --again to score anew", 2) from error
        if differing:
            raise TrainingError(
                f"{self._output} has an unfinished run with another {' and another '.join(differing)}: "
                "go on with the same, name another file, or add --again to score anew",
                2,
            )
        while self._part(self.parts).exists():
            self.parts += 1

    def _part(self, number: int) -> Path:
        return self._folder / f"{number:08}.arrow"

    def _read(self, number: int) -> pa.Table:
        path = self._part(number)
        try:
            with pa.OSFile(str(path)) as stored:
                return pa.ipc.open_file(stored).read_all()
        except pa.ArrowException as error:
            raise TrainingError(f"{path} is damaged ({error}): add --again to score anew") from error

    def _unwritable(self, error: OSError) -> TrainingError:
        reason = os.strerror(error.errno) if error.errno else error
        return TrainingError(
            f"can't write to {self._output.parent} ({reason}): free some space or mend the folder's permissions, "
            "and the same command goes on where it was"
        )
