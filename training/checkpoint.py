"""A training run that survives being killed: the same command continues after the last whole epoch."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import keras
import numpy as np
import numpy.typing as npt

from training.publish import unwritable


class Checkpoint(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Stores after each epoch all that decides the rest of the run, and restores it when the training begins again.

    Keras's `BackupAndRestore` forgets the figures of the epochs so far, the seeds of the dropout layers and the best
    epoch's weights, and a run killed between its two files repeats an epoch from the weights after it. Here an epoch is
    one file, renamed into place; the file of the epoch before stays, for the case that the newest is damaged.
    """

    def __init__(self, folder: Path, early_stopping: keras.callbacks.EarlyStopping | None) -> None:
        super().__init__()
        self._folder = folder
        self._early_stopping = early_stopping
        self.history: dict[str, list[float]] = {}
        """The figures of every epoch, also of those before the run was killed; `duration_s` is in seconds."""

    def on_train_begin(self, logs: Any = None) -> None:
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        for stored in sorted(self._folder.glob("epoch-*.npz"), reverse=True):
            try:
                with stored.open("rb") as file, np.load(file) as content:
                    arrays = dict(content)  # read whole: every array has a checksum
            except (OSError, EOFError, ValueError, BadZipFile):
                continue
            self._restore(arrays)
            return

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._began = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Raises `TrainingError` where the folder can't be written to."""
        for name, value in {**(logs or {}), "duration_s": time.monotonic() - self._began}.items():
            self.history.setdefault(name, []).append(float(value))
        try:
            self._store(epoch + 1)
        except OSError as error:
            raise unwritable(self._folder, error) from error

    def _store(self, epochs: int) -> None:
        state: dict[str, Any] = {"epochs": epochs, "history": self.history, "ended": self.model.stop_training}
        best: list[npt.NDArray[np.float32]] = []
        if stopping := self._early_stopping:
            state |= {"wait": stopping.wait, "best": float(stopping.best), "best_epoch": stopping.best_epoch}
            best = stopping.best_weights
        arrays = {f"variable-{index}": variable.numpy() for index, variable in enumerate(self._variables())}
        arrays |= {f"best-{index}": weight for index, weight in enumerate(best)}
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / "draft.npz"
        np.savez(draft, state=np.array(json.dumps(state)), **arrays)
        draft.replace(self._file(epochs))
        self._file(epochs - 2).unlink(missing_ok=True)

    def _restore(self, arrays: dict[str, npt.NDArray[Any]]) -> None:
        state = json.loads(arrays["state"].item())
        for index, variable in enumerate(self._variables()):
            variable.assign(arrays[f"variable-{index}"])
        self.history = state["history"]
        if stopping := self._early_stopping:
            stopping.wait, stopping.best, stopping.best_epoch = state["wait"], state["best"], state["best_epoch"]
            stopping.best_weights = [arrays[f"best-{index}"] for index in range(len(self.model.weights))]
        self.model._initial_epoch = self.params["epochs"] if state["ended"] else state["epochs"]

    def _variables(self) -> list[Any]:
        """Weights, seeds of the dropout layers, and what the optimiser remembers: its steps, momenta and averaged weights."""
        return [*self.model.variables, *self.model.optimizer.variables]

    def _file(self, epochs: int) -> Path:
        return self._folder / f"epoch-{epochs:05}.npz"
