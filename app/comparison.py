"""The models folder's comparison: shown only while each version it holds is a served one."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from app.files import content
from app.schemas.comparison import Comparison
from app.schemas.mistakes import Mistakes

FIGURES = "comparison.json"
PAGE = "comparison.html"
MISTAKES = "mistakes.json"
SPRITE = "mistakes.png"
FILES = (FIGURES, PAGE, MISTAKES, SPRITE)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StoredComparison:
    """The `figures` and the `page` that holds them; for what is missing the `reason`, to be read after "as"."""

    figures: Comparison | None = None
    page: bytes | None = None
    reason: str | None = None


@dataclass(frozen=True)
class StoredMistakes:
    """The `index`, JSON in UTF-8, and the `sprite`, a PNG; where they are missing the `reason`, to be read after "as"."""

    index: bytes = b""
    sprite: bytes = b""
    sprite_sha256: str = ""
    reason: str | None = None


def read(folder: Path, served: Mapping[str, int]) -> StoredComparison:
    """What `python -m training compare` wrote to the models folder, for the `served` version of each model."""
    try:
        figures = Comparison.model_validate_json(content(folder / FIGURES))
    except (OSError, ValidationError) as error:
        log.warning("the comparison of the models can't be read", extra={"path": str(folder / FIGURES), "reason": str(error)})
        return StoredComparison(reason=f"{FIGURES} is missing or no comparison")
    if reason := _of_others({name: row.version for name, row in figures.models.items()}, served):
        log.warning("the comparison is of other versions than those served", extra={"reason": reason, "served": dict(served)})
        return StoredComparison(reason=reason)
    try:
        page = content(folder / PAGE)
    except OSError as error:
        log.warning("the comparison has no page", extra={"path": str(folder / PAGE), "reason": str(error)})
        return StoredComparison(figures, reason=f"{PAGE} can't be read ({error.strerror})")
    return StoredComparison(figures, page)


def read_mistakes(folder: Path, served: Mapping[str, int]) -> StoredMistakes:
    """The test images that a model gets wrong, which the same command wrote."""
    try:
        index, sprite = content(folder / MISTAKES), content(folder / SPRITE)
        mistakes = Mistakes.model_validate_json(index)
        if hashlib.sha256(sprite).hexdigest() != mistakes.sprite_sha256:
            raise ValueError(f"{SPRITE} is of another run of the command")
    except (OSError, ValueError) as error:  # pydantic's errors are ValueErrors
        log.warning("the models' mistakes can't be read", extra={"path": str(folder / MISTAKES), "reason": str(error)})
        return StoredMistakes(reason=f"{MISTAKES} or {SPRITE} is missing or damaged")
    if reason := _of_others({name: row.version for name, row in mistakes.models.items()}, served):
        log.warning("the mistakes are of other versions than those served", extra={"reason": reason, "served": dict(served)})
        return StoredMistakes(reason=reason)
    return StoredMistakes(index, sprite, mistakes.sprite_sha256)


def _of_others(compared: Mapping[str, int], served: Mapping[str, int]) -> str | None:
    """The reason not to show what was made of the versions `compared`, if one of them is not served."""
    if compared.items() <= served.items():
        return None
    return f"the stored one is of {', '.join(f'{name} {version}' for name, version in compared.items())}"
