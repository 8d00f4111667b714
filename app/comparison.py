"""The models folder's comparison: shown only while each version it holds is a served one."""

from __future__ import annotations

import errno
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from app.schemas.comparison import Comparison

FIGURES = "comparison.json"
PAGE = "comparison.html"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StoredComparison:
    """The `figures` and the `page` that holds them; for what is missing the `reason`, to be read after "as"."""

    figures: Comparison | None = None
    page: bytes | None = None
    reason: str | None = None


def read(folder: Path, served: Mapping[str, int]) -> StoredComparison:
    """What `python -m training compare` wrote to the models folder, for the `served` version of each model."""
    try:
        figures = Comparison.model_validate_json(_content(folder / FIGURES))
    except (OSError, ValidationError) as error:
        log.warning("the comparison of the models can't be read", extra={"path": str(folder / FIGURES), "reason": str(error)})
        return StoredComparison(reason=f"{FIGURES} is missing or no comparison")
    compared = {name: row.version for name, row in figures.models.items()}
    if not compared.items() <= served.items():
        log.warning("the comparison is of other versions than those served", extra={"compared": compared, "served": dict(served)})
        return StoredComparison(reason=f"the stored one is of {', '.join(f'{name} {version}' for name, version in compared.items())}")
    try:
        page = _content(folder / PAGE)
    except OSError as error:
        log.warning("the comparison has no page", extra={"path": str(folder / PAGE), "reason": str(error)})
        return StoredComparison(figures, reason=f"{PAGE} can't be read ({error.strerror})")
    return StoredComparison(figures, page)


def _content(path: Path) -> bytes:
    if path.is_symlink() or (path.exists() and not path.is_file()):  # a link leads out of the folder, a pipe would never end
        raise OSError(errno.EINVAL, "not a regular file")
    return path.read_bytes()
