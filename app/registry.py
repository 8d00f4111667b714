"""The models folder as a service: what is in it, what of it is served, and why the rest is not."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from app.errors import ModelUnavailableError, UnknownModelError, UnknownVersionError
from app.manifest import BrokenVersionError
from app.model import Model
from app.settings import Settings

COMPARISON = "comparison.json"

log = logging.getLogger(__name__)

State = Literal["served", "loaded", "idle", "broken"]


@dataclass(frozen=True)
class VersionState:
    """`served` answers by default, `loaded` when its number is asked for, `idle` is older than `versions_per_model`."""

    version: int
    state: State
    reason: str | None = None


@dataclass
class Entry:
    """Everything known of one model name; `loaded` has the highest version first."""

    name: str
    loaded: dict[int, Model] = field(default_factory=dict)
    versions: list[VersionState] = field(default_factory=list)

    @property
    def served(self) -> Model | None:
        return next(iter(self.loaded.values()), None)

    @property
    def reason(self) -> str | None:
        """Why nothing is served, or None."""
        if self.loaded:
            return None
        broken = "; ".join(f"version {each.version}: {each.reason}" for each in self.versions)
        return broken or "its folder is missing or has no version"


class Registry:
    """The models folder, scanned once; names and versions from requests are only ever looked up in its dictionaries."""

    def __init__(self, settings: Settings) -> None:
        self._default = settings.default_model
        self._required = settings.required_models
        self._entries = {name: _scan(settings.models_dir / name, settings) for name in _names(settings)}
        self.comparison = self._comparison(settings.models_dir / COMPARISON)

    @property
    def entries(self) -> dict[str, Entry]:
        """Every model by name, in alphabetical order."""
        return self._entries

    @property
    def default(self) -> str:
        return self._default

    def served(self) -> list[Model]:
        """The version of each model that answers by default."""
        return [entry.served for entry in self._entries.values() if entry.served]

    def is_required(self, name: str) -> bool:
        return name in self._required

    def entry(self, name: str) -> Entry:
        """What is known of the model `name`.

        Raises:
            UnknownModelError: There is no such model.
        """
        try:
            return self._entries[name]
        except KeyError:
            raise UnknownModelError(f"There is no model {_shortened(name)}: choose one of {', '.join(self._entries) or 'none'}.") from None

    def model(self, name: str | None, version: int | None = None) -> Model:
        """The loaded version of a model; the default model and its served version where nothing is named.

        Raises:
            UnknownModelError, UnknownVersionError: There is no such model or version.
            ModelUnavailableError: The model or version is known but can't be served now.
        """
        entry = self.entry(self._default if name is None else name)
        served = entry.served
        if served is None:
            raise ModelUnavailableError(f"The model {entry.name} is not available: {entry.reason}.")
        if version is None:
            return served
        if version in entry.loaded:
            return entry.loaded[version]
        for known in entry.versions:
            if known.version == version:
                why = known.reason or "it is older than those the service loads"
                raise ModelUnavailableError(f"Version {version} of the model {entry.name} is not available: {why}.")
        loaded = ", ".join(map(str, entry.loaded))
        raise UnknownVersionError(f"The model {entry.name} has no version {version}: choose one of {loaded}.")

    def failures(self) -> dict[str, str]:
        """Why each required model does not answer its golden images now, by name; empty when the service is ready."""
        failures = {}
        for name in self._required:
            served = self._entries[name].served
            if served is None:
                failures[name] = self._entries[name].reason or "nothing is loaded"
                continue
            try:
                served.check()
            except BrokenVersionError as error:
                failures[name] = str(error)
        return failures

    def _comparison(self, path: Path) -> dict[str, Any] | None:
        """The stored comparison, if each version it holds is a served one."""
        try:
            content: dict[str, Any] = json.loads(path.read_bytes())
            compared = {name: row["version"] for name, row in content["models"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("the comparison of the models can't be read", extra={"path": str(path), "reason": repr(error)})
            return None
        served = {model.name: model.version for model in self.served()}
        if not compared.items() <= served.items():
            log.warning("the comparison is of other versions than those served", extra={"compared": compared, "served": served})
            return None
        return content


def _names(settings: Settings) -> list[str]:
    try:
        found = {each.name for each in settings.models_dir.iterdir() if each.is_dir() and not each.name.startswith(".")}
    except OSError as error:
        log.error("the models folder can't be read", extra={"models_dir": str(settings.models_dir), "reason": error.strerror})
        found = set()
    return sorted(found | set(settings.required_models) | {settings.default_model})


def _scan(home: Path, settings: Settings) -> Entry:
    entry = Entry(home.name)
    for version in _versions(home):
        if len(entry.loaded) == settings.versions_per_model:
            entry.versions.append(VersionState(version, "idle"))
            continue
        try:
            entry.loaded[version] = Model(home / str(version), settings.runtime)
        except BrokenVersionError as error:
            log.error("a version is not served", extra={"model": home.name, "version": version, "reason": str(error)})
            entry.versions.append(VersionState(version, "broken", str(error)))
        else:
            state: State = "served" if len(entry.loaded) == 1 else "loaded"
            log.info("a version is loaded", extra={"model": home.name, "version": version, "state": state})
            entry.versions.append(VersionState(version, state))
    return entry


def _versions(home: Path) -> list[int]:
    """Positive whole numbers without leading zeros, highest first; other folders are drafts or strangers."""
    try:
        names = [each.name for each in home.iterdir() if each.is_dir()]
    except OSError:
        return []
    return sorted((int(name) for name in names if name.isdecimal() and name.isascii() and name[0] != "0"), reverse=True)


def _shortened(name: str) -> str:
    """A name from a request as it may be repeated in an answer or a log: printable, and not for ever."""
    return ascii(name if len(name) <= 40 else name[:40] + "…")
