"""The models folder as a service: what is in it, what of it is served, and why the rest is not."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from app import comparison, telemetry
from app.errors import ModelUnavailableError, UnknownModelError, UnknownVersionError, shown
from app.evidence import evidence
from app.manifest import BrokenVersionError
from app.model import Model
from app.schemas.models import ModelList, ModelSummary, State, Version
from app.settings import Settings

log = logging.getLogger(__name__)


@dataclass
class Entry:
    """Everything known of one model name; `loaded` has the highest version first."""

    name: str
    unreadable: str | None = None
    loaded: dict[int, Model] = field(default_factory=dict)
    versions: list[Version] = field(default_factory=list)

    @property
    def served(self) -> Model | None:
        return next(iter(self.loaded.values()), None)

    @property
    def reason(self) -> str | None:
        """Why nothing is served, or None."""
        if self.loaded:
            return None
        broken = "; ".join(f"version {each.version}: {each.reason}" for each in self.versions)
        return broken or self.unreadable or "its folder has no version"

    def model(self, version: int | None) -> Model:
        """The loaded version, or the served one.

        Raises:
            UnknownVersionError: There is no such version.
            ModelUnavailableError: The model or version is known but can't be served now.
        """
        if self.served is None:
            raise ModelUnavailableError(f"The model {self.name} is not available: {self.reason}.")
        if version is None:
            return self.served
        if version in self.loaded:
            return self.loaded[version]
        for known in self.versions:
            if known.version == version:
                why = known.reason or "it is older than those the service loads"
                raise ModelUnavailableError(f"Version {version} of the model {self.name} is not available: {why}.")
        loaded = ", ".join(map(str, self.loaded))
        raise UnknownVersionError(f"The model {self.name} has no version {version}: choose one of {loaded}.")


class Registry:
    """The models folder, scanned once; names and versions from requests are only ever looked up in its dictionaries."""

    def __init__(self, settings: Settings) -> None:
        self._default = settings.default_model
        self._required = settings.required_models
        self._entries = {name: _scan(settings.models_dir / name, settings) for name in _names(settings)}
        for entry in self._entries.values():
            telemetry.ready(entry.name, required=self.is_required(entry.name), is_ready=entry.served is not None)
            if entry.reason:
                log.error("a model is not available", extra={"model": entry.name, "reason": entry.reason})
        served = self.served()
        versions = {model.name: model.version for model in served}
        self.comparison = comparison.read(settings.models_dir, versions)
        self.mistakes = comparison.read_mistakes(settings.models_dir, versions)
        # once, as it never changes: to make a few hundred kilobytes anew would hold up other requests
        self._evidence = {model.name: evidence([model], self.comparison.figures) for model in served}
        self._all_evidence = evidence(served, self.comparison.figures)

    @property
    def entries(self) -> dict[str, Entry]:
        """Every model by name, in alphabetical order."""
        return self._entries

    def served(self) -> list[Model]:
        """The version of each model that answers by default."""
        return [entry.served for entry in self._entries.values() if entry.served]

    def loaded(self) -> list[Model]:
        """Every version that answers, by default or when asked for by number."""
        return [model for entry in self._entries.values() for model in entry.loaded.values()]

    def is_required(self, name: str) -> bool:
        return name in self._required or name == self._default

    def entry(self, name: str) -> Entry:
        """What is known of the model `name`.

        Raises:
            UnknownModelError: There is no such model.
        """
        try:
            return self._entries[name]
        except KeyError:
            raise _unknown(name, self._entries) from None

    def model(self, name: str | None, version: int | None = None) -> Model:
        """The loaded version of a model; the default model and its served version where nothing is named.

        Raises:
            UnknownModelError, UnknownVersionError: There is no such model or version.
            ModelUnavailableError: The model or version is known but can't be served now.
        """
        return self.entry(self._default if name is None else name).model(version)

    def summary(self, name: str) -> ModelSummary:
        """Which version of the model `name` answers, or why none does.

        Raises:
            UnknownModelError: There is no such model.
        """
        entry = self.entry(name)
        return ModelSummary(
            name=name,
            state="ready" if entry.served else "unavailable",
            version=entry.served.version if entry.served else None,
            default=name == self._default,
            required=self.is_required(name),
            reason=entry.reason,
            versions=entry.versions,
        )

    def summaries(self) -> ModelList:
        """Every model, in alphabetical order."""
        return ModelList(models=[self.summary(name) for name in self._entries])

    def failures(self) -> dict[str, str]:
        """Why each required model, and the default one, does not answer its golden images now; empty when the service is ready."""
        failures = {}
        for name in filter(self.is_required, self._entries):
            served = self._entries[name].served
            if served is None:
                failures[name] = str(self._entries[name].reason)
                continue
            try:
                served.check()
            except BrokenVersionError as error:
                failures[name] = str(error)
            telemetry.ready(name, required=True, is_ready=name not in failures)
        return failures

    def evidence(self, name: str | None) -> bytes:
        """The stored evaluation of the model `name`, or of all, and their comparison: JSON, UTF-8.

        Raises:
            UnknownModelError, ModelUnavailableError: See `model`.
        """
        return self._all_evidence if name is None else self._evidence[self.model(name).name]


def one_model(settings: Settings, name: str | None, version: int | None) -> Model:
    """What `Registry(settings).model(name, version)` is, without loading what was not asked for.

    Raises:
        UnknownModelError, UnknownVersionError, ModelUnavailableError: See `Registry.model`.
    """
    names = _names(settings)
    name = settings.default_model if name is None else name
    if name not in names:
        raise _unknown(name, names)
    if version is None:
        settings = settings.model_copy(update={"versions_per_model": 1})
    return _scan(settings.models_dir / name, settings).model(version)


def _unknown(name: str, known: Iterable[str]) -> UnknownModelError:
    return UnknownModelError(f"There is no model {shown(name)}: choose one of {', '.join(known) or 'none'}.")


def _names(settings: Settings) -> list[str]:
    try:
        found = {each.name for each in settings.models_dir.iterdir() if each.is_dir() and not each.name.startswith(".")}
    except OSError as error:
        log.error("the models folder can't be read", extra={"models_dir": str(settings.models_dir), "reason": error.strerror})
        found = set()
    return sorted(found | set(settings.required_models) | {settings.default_model})


def _scan(home: Path, settings: Settings) -> Entry:
    entry = Entry(home.name)
    try:
        versions = _versions(home)
    except OSError as error:
        entry.unreadable = f"its folder can't be read ({error.strerror})"
        return entry
    for version in versions:
        if len(entry.loaded) == settings.versions_per_model:
            entry.versions.append(Version(version=version, state="idle"))
            continue
        try:
            entry.loaded[version] = Model(home / str(version), settings.runtime)
        except BrokenVersionError as error:
            telemetry.loaded(home.name, succeeded=False)
            log.error("a version is not served", extra={"model": home.name, "version": version, "reason": str(error)})
            entry.versions.append(Version(version=version, state="broken", reason=str(error)))
        else:
            telemetry.loaded(home.name, succeeded=True)
            state: State = "served" if len(entry.loaded) == 1 else "loaded"
            log.info("a version is loaded", extra={"model": home.name, "version": version, "state": state})
            entry.versions.append(Version(version=version, state=state))
    telemetry.states(home.name, {each.version: each.state for each in entry.versions})
    return entry


def _versions(home: Path) -> list[int]:
    """Positive whole numbers without leading zeros, highest first; other folders are drafts or strangers."""
    names = [each.name for each in home.iterdir() if each.is_dir()]
    return sorted((int(name) for name in names if name.isdecimal() and name.isascii() and name[0] != "0"), reverse=True)
