"""Where the models come from: a folder, or an object store."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import partial
from pathlib import Path

from app.settings import Settings
from app.survey import Survey, survey


def source(settings: Settings) -> Callable[[], Survey]:
    """What looks at `models_dir`, each time anew."""
    if isinstance(settings.models_dir, Path):
        return partial(survey, settings.models_dir)
    from app.object_store import ObjectStore

    return ObjectStore(settings.models_dir, settings.models_cache, settings.pinned_versions, settings.versions_per_model).survey


def complaint(settings: Settings) -> str | None:
    """What keeps `models_dir` from being looked at on this installation, if anything does."""
    if isinstance(settings.models_dir, Path):
        return None
    if not importlib.util.find_spec("obstore"):
        install = "pip install --no-deps --require-hashes -r requirements/cloud.lock"
        return f"models in an object store ({settings.models_dir}) need obstore: `{install}` installs it"
    try:
        settings.models_cache.expanduser()
    except RuntimeError:  # whoever runs this has no home, or there is no such user
        return f"what is fetched can't be kept, as there is no home folder for {settings.models_cache}: set WARDROBE_MODELS_CACHE"
    return None
