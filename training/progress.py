"""What a person sees while a network trains, and when it has."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import keras
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class FitProgress(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """A bar over all epochs on a terminal; a line per epoch where there is none, such as a container's log."""

    def __init__(self, name: str, console: Console) -> None:
        super().__init__()
        self._name = name
        self._console = console
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeElapsedColumn(),
            TextColumn("at most"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.stop()

    def on_train_begin(self, logs: Any = None) -> None:
        self._task = self._bar.add_task(f"{self._name}: epoch", total=self.params["epochs"], figures="")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._bar.update(self._task, completed=self._epochs_done + (batch + 1) / self.params["steps"])

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epochs_done = epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        assert logs is not None
        figures = f"val_loss {logs['val_loss']:.4f}  val_accuracy {logs['val_accuracy']:.4f}"
        self._bar.update(self._task, completed=epoch + 1, figures=figures)
        if not self._console.is_terminal:
            self._console.print(
                f"{self._name}: epoch {epoch + 1}/{self.params['epochs']}  "
                f"loss {logs['loss']:.4f}  accuracy {logs['accuracy']:.4f}  {figures}",
                highlight=False,
                soft_wrap=True,
            )
