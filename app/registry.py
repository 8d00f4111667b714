"""The models folder as a service: what is in it, what of it is served, and why the rest is not."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from app import comparison, telemetry
from app.entry import Entry, scan
from app.errors import UnknownModelError, shown
from app.evidence import evidence
from app.manifest import BrokenVersionError
from app.model import Model
from app.schemas.models import ModelList, ModelSummary
from app.settings import Settings
from app.source import source
from app.survey import Survey

log = logging.getLogger(__name__)


class Registry:
    """The models folder as it was `found`; names and versions from requests are only ever looked up in its dictionaries."""

    def __init__(self, settings: Settings, found: Survey | None = None, before: Registry | None = None) -> None:
        """Load what the folder holds, but for what was loaded `before`."""
        self.found = source(settings)() if found is None else found
        self.checking = ""
        """The model whose golden images are being answered, for who waits in vain."""
        self._default = settings.default_model
        self._required = settings.required_models
        if self.found.unreadable:
            log.error("the models folder can't be read", extra={"models_dir": str(settings.models_dir), "reason": self.found.unreadable})
        known = before.entries if before else {}
        serving = {name for name, entry in known.items() if entry.served}
        self._entries = {
            name: scan(self.found.folder / name, self.found.home(name), settings, known.get(name))
            for name in sorted(_names(self.found, settings) | serving)
        }
        for name, entry in self._entries.items():
            self._tell(entry, known.get(name))
        served = self.served()
        versions = {model.name: model.version for model in served}
        self.comparison = comparison.read(self.found.folder, versions)
        self.mistakes = comparison.read_mistakes(self.found.folder, versions)
        # once, as it never changes: to make a few hundred kilobytes anew would hold up other requests
        self._evidence = {model.name: evidence([model], self.comparison.figures) for model in served}
        self._all_evidence = evidence(served, self.comparison.figures)

    def _tell(self, entry: Entry, before: Entry | None) -> None:
        """Log and count what became of a model."""
        telemetry.ready(entry.name, required=self.is_required(entry.name), is_ready=entry.served is not None)
        gone = {each.version for each in before.versions} if before else set()
        telemetry.states(entry.name, {each.version: each.state for each in entry.versions}, gone)
        if entry.reason:
            log.error("a model is not available", extra={"model": entry.name, "reason": entry.reason})
        elif before is None or entry.served is not before.served:
            log.info("a model serves", extra={"model": entry.name, "version": entry.served and entry.served.version})

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
            self.checking = name
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
    if version is None:
        settings = settings.model_copy(update={"versions_per_model": 1})
    found = source(settings)()
    names = sorted(_names(found, settings))
    name = settings.default_model if name is None else name
    if name not in names:
        raise _unknown(name, names)
    return scan(found.folder / name, found.home(name), settings).model(version)


def _unknown(name: str, known: Iterable[str]) -> UnknownModelError:
    return UnknownModelError(f"There is no model {shown(name)}: choose one of {', '.join(known) or 'none'}.")


def _names(found: Survey, settings: Settings) -> set[str]:
    return {*found.homes, *settings.required_models, settings.default_model}
