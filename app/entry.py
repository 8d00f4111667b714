"""One model of the models folder: which of its versions are loaded, which one serves, and why others do not."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

from app import telemetry
from app.errors import ModelUnavailableError, UnknownVersionError
from app.manifest import BrokenVersionError
from app.model import Model
from app.schemas.models import State, Version
from app.settings import Settings
from app.survey import Home, Stamp

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Examined:
    """What came of loading a version's folder when it had this `stamp`: the model, or the `reason` against it, or both.

    Both is a version that was loaded and whose folder was damaged since: what is in memory is still what was published.
    """

    stamp: Stamp
    model: Model | None
    reason: str | None


@dataclass
class Entry:
    """Everything known of one model name; `loaded` and `versions` have the highest version first."""

    name: str
    pinned: int | None = None
    unreadable: str | None = None
    loaded: dict[int, Model] = field(default_factory=dict)
    versions: list[Version] = field(default_factory=list)
    examined: dict[int, Examined] = field(default_factory=dict)

    @property
    def served(self) -> Model | None:
        """The version that answers by default: the pinned one, or else the highest."""
        return next(iter(self.loaded.values()), None) if self.pinned is None else self.loaded.get(self.pinned)

    @property
    def reason(self) -> str | None:
        """Why nothing is served, or None."""
        if self.served:
            return None
        broken = "; ".join(f"version {each.version}: {each.reason}" for each in self.versions if each.state == "broken")
        why = broken or self.unreadable or ("it is not there" if self.pinned else "its folder has no version")
        return why if self.pinned is None else f"it is pinned to version {self.pinned}, which can't serve: {why}"

    def model(self, version: int | None) -> Model:
        """The loaded version, or the served one.

        Raises:
            UnknownVersionError: There is no such version.
            ModelUnavailableError: The model or version is known but can't be served now.
        """
        if version in self.loaded:
            return self.loaded[version]
        if version is None and self.served:
            return self.served
        if version is None or not self.loaded:
            raise ModelUnavailableError(f"The model {self.name} is not available: {self.reason}.")
        for known in self.versions:
            if known.version == version:
                why = known.reason or "it is older than those the service loads"
                raise ModelUnavailableError(f"Version {version} of the model {self.name} is not available: {why}.")
        loaded = ", ".join(map(str, self.loaded))
        raise UnknownVersionError(f"The model {self.name} has no version {version}: choose one of {loaded}.")


def scan(folder: Path, home: Home, settings: Settings, before: Entry | None = None) -> Entry:
    """Load the versions in a model's folder that are to serve, but for those that are loaded already.

    What serves is never taken away without another one to serve instead.

    Args:
        folder: `<models>/<name>`.
        home: What lies in it now.
        settings: How many versions to load, by which runtime, and which one is pinned.
        before: What was found last time.
    """
    pinned = settings.pinned_versions.get(folder.name)
    known = before.examined if before else {}
    entry = Entry(folder.name, pinned, home.unreadable)
    idle = []
    for version in sorted(home.versions, key=lambda each: (each != pinned, -each)):
        if len(entry.loaded) == settings.versions_per_model:
            idle.append(version)
            continue
        examined = _examine(folder / str(version), home.versions[version], settings.runtime, known.get(version))
        entry.examined[version] = examined
        if examined.model:
            entry.loaded[version] = examined.model
    reasons = {version: each.reason for version, each in entry.examined.items()}
    if before and before.served and not entry.served:
        kept = before.served
        entry.loaded[kept.version] = kept
        reasons[kept.version] = f"{home.unreadable or 'its folder is gone'}: it serves from memory until the service stops"
        log.error(
            "a version serves from memory alone", extra={"model": entry.name, "version": kept.version, "reason": reasons[kept.version]}
        )
    entry.loaded = dict(sorted(entry.loaded.items(), reverse=True))
    entry.versions = [
        Version(version=each, state=_state(entry, each, idle), reason=reasons.get(each)) for each in sorted({*reasons, *idle}, reverse=True)
    ]
    return entry


def _state(entry: Entry, version: int, idle: list[int]) -> State:
    if version in entry.loaded:
        return "served" if entry.loaded[version] is entry.served else "loaded"
    return "idle" if version in idle else "broken"


def _examine(folder: Path, stamp: Stamp, runtime: str, before: Examined | None) -> Examined:
    """The version in `folder`, loaded if anything in it changed."""
    if before and before.stamp == stamp:
        return before
    names = {"model": folder.parent.name, "version": int(folder.name)}
    try:
        model = Model(folder, runtime)
    except BrokenVersionError as error:
        telemetry.loaded(folder.parent.name, succeeded=False)
        if before and before.model:
            log.error("a loaded version's folder is damaged", extra={**names, "reason": str(error)})
            return Examined(stamp, before.model, f"its folder was damaged after it was loaded, it serves from memory: {error}")
        log.error("a version is not served", extra={**names, "reason": str(error)})
        return Examined(stamp, None, str(error))
    telemetry.loaded(folder.parent.name, succeeded=True)
    log.info("a version is loaded", extra=names)
    return Examined(stamp, model, None)
