"""A training run that survives being killed: the same command continues after the last whole epoch."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from training.errors import TrainingError


class Checkpoint(keras.callbacks.BackupAndRestore):  # type: ignore[misc]  # Keras ships no types
    """Keras's backup of weights, optimiser and epoch, and beside it what Keras forgets.

    That is the figures of the epochs so far, the seeds of the dropout layers, and the best epoch with its weights.
    """

    def __init__(self, folder: Path, early_stopping: keras.callbacks.EarlyStopping | None) -> None:
        super().__init__(str(folder), double_checkpoint=True, delete_checkpoint=False)
        self._folder = folder
        self._early_stopping = early_stopping
        self.history: dict[str, list[float]] = {}
        """The figures of every epoch, also of those before the run was killed; `duration_s` is in seconds."""

    def on_train_begin(self, logs: Any = None) -> None:
        try:
            super().on_train_begin(logs)
            if epochs := self.model._initial_epoch:
                self._restore(epochs)
        except (OSError, ValueError, KeyError) as error:
            raise TrainingError(f"can't continue from {self._folder} ({error}): remove it to start from the first epoch") from error

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._began = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        for name, value in {**(logs or {}), "duration_s": time.monotonic() - self._began}.items():
            self.history.setdefault(name, []).append(float(value))
        self._store(epoch + 1)
        super().on_epoch_end(epoch, logs)

    def _store(self, epochs: int) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        state: dict[str, Any] = {"history": self.history, "seeds": [seed.numpy().tolist() for seed in self._seeds()]}
        if stopping := self._early_stopping:
            state |= {"wait": stopping.wait, "best": float(stopping.best), "best_epoch": stopping.best_epoch}
            if stopping.best_epoch + 1 == epochs:
                for older in sorted(self._folder.glob("best-*.npz"))[:-1]:
                    older.unlink()
                np.savez(self._best(epochs), *stopping.best_weights)
        self._state(epochs).write_text(json.dumps(state), encoding="utf-8")
        # the epoch before stays: Keras falls back on it if its newest file is broken
        self._state(epochs - 2).unlink(missing_ok=True)

    def _restore(self, epochs: int) -> None:
        state = json.loads(self._state(epochs).read_text(encoding="utf-8"))
        self.history = state["history"]
        for seed, value in zip(self._seeds(), state["seeds"], strict=True):
            seed.assign(value)
        if stopping := self._early_stopping:
            stopping.wait, stopping.best, stopping.best_epoch = state["wait"], state["best"], state["best_epoch"]
            with np.load(self._best(stopping.best_epoch + 1)) as best:
                stopping.best_weights = list(best.values())
            if stopping.wait >= stopping.patience:  # it had ended
                self.model._initial_epoch = self.params["epochs"]

    def _seeds(self) -> list[Any]:
        weights = {id(weight) for weight in self.model.weights}
        return [each for each in self.model.variables if id(each) not in weights]

    def _state(self, epochs: int) -> Path:
        return self._folder / f"state-{epochs}.json"

    def _best(self, epochs: int) -> Path:
        return self._folder / f"best-{epochs:05}.npz"
