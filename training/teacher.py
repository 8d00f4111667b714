"""The published model that another one learns from."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track

from training.errors import TrainingError
from training.publish import published, unwritable, verify
from training.recipes import Recipe, recipe_of
from training.savedmodel import SavedModel
from training.views import Views

AT_ONCE = 10_000
"""Images between two steps of the progress bar."""


@dataclass(frozen=True)
class Teacher:
    """A published version; `mirrored` if its graph answers an image and its mirror image alike."""

    name: str
    version: int
    folder: Path
    mirrored: bool = False

    def logits(self, views: Views, images: npt.NDArray[np.uint8], console: Console) -> npt.NDArray[np.float16]:
        """Its logits, `[views, n, 10]`, for each view of each of the images, uint8 `[n, 28, 28, 1]`.

        Asked once: on all training images each view takes as long as classifying them. The answers stay in the hidden
        folder `.training` beside the teacher's versions, where every student, seed and continued run finds them.

        Raises:
            TrainingError: That folder can't be written to.
        """
        stored = self.folder.parent / ".training" / f"answers-{self._digest(views, images)}.npy"
        try:
            if not stored.exists():
                stored.parent.mkdir(exist_ok=True)
                answers = self._asked(views, images, console)
                with tempfile.TemporaryDirectory(dir=stored.parent, prefix="draft.") as folder:
                    draft = Path(folder) / "answers.npy"
                    np.save(draft, answers)
                    draft.replace(stored)
            found: npt.NDArray[np.float16] = np.load(stored)
        except OSError as error:
            raise unwritable(stored.parent, error) from error
        return found

    def _asked(self, views: Views, images: npt.NDArray[np.uint8], console: Console) -> npt.NDArray[np.float16]:
        graph = SavedModel(self.folder)
        alike = self.mirrored and views.flip  # the second half of the views is the mirror image of the first
        asked = range(views.count // 2 if alike else views.count)
        steps = [(view, images[first : first + AT_ONCE]) for view in asked for first in range(0, len(images), AT_ONCE)]
        shown = track(steps, f"asking the {self.name} for its answers", console=console)
        parts = [graph.predict(views.of(part, np.full(len(part), view))).logits.astype(np.float16) for view, part in shown]
        answers = np.concatenate(parts).reshape(len(asked), len(images), -1)
        return np.concatenate([answers, answers]) if alike else answers

    def _digest(self, views: Views, images: npt.NDArray[np.uint8]) -> str:
        """Of all that decides the answers: a version may have been removed and trained anew."""
        graph = [self.folder / "saved_model.pb", *sorted((self.folder / "variables").iterdir())]
        digest = hashlib.sha256(repr(views).encode())
        for part in [*(path.read_bytes() for path in graph), images.tobytes()]:
            digest.update(hashlib.sha256(part).digest())
        return digest.hexdigest()[:16]


def teacher(recipe: Recipe, models: Path) -> Teacher | None:
    """The newest published version of the model that the recipe names, or None where it names none.

    Raises:
        TrainingError: That model is not published in `models`, or it is damaged.
    """
    if recipe.teacher is None:
        return None
    versions = published(models / recipe.teacher)
    if not versions:
        raise TrainingError(
            f"{recipe.architecture} learns from the {recipe.teacher}, which {models} does not hold: "
            f"run `python -m training train {recipe.teacher} --output {models}` first",
            2,
        )
    folder = models / recipe.teacher / str(versions[-1])
    verify(folder)
    facts = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    return Teacher(recipe.teacher, versions[-1], folder, recipe_of(facts).mirrored)
