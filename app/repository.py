"""The models folder while it is served: what is published or removed there takes effect without a restart.

Each worker looks for itself. A new version is verified, loaded, tried on its golden images and so warmed in a thread, and only then do
requests meet it; those that are being answered by the old one keep it until they are done (TensorFlow Serving's "availability preserving"
policy). A version that is not right is refused, and what serves stays.
"""

from __future__ import annotations

import logging

import anyio

from app.registry import Registry
from app.settings import Settings
from app.source import source

log = logging.getLogger(__name__)


class Repository:
    """`registry` is what serves now; it is replaced as a whole, never changed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._survey = source(settings)
        self.registry = Registry(settings, self._survey())

    def refresh(self) -> None:
        """Look whether the folder has changed, and serve what it holds."""
        found = self._survey()
        if found != self.registry.found:
            self.registry = Registry(self._settings, found, self.registry)

    async def watch(self) -> None:
        """Refresh every `reload_seconds`, until cancelled."""
        while True:
            await anyio.sleep(self._settings.reload_seconds)
            try:
                await anyio.to_thread.run_sync(self.refresh, abandon_on_cancel=True)
            except Exception:  # the next look may succeed, and meanwhile the service must not die of it
                log.exception("the models folder could not be looked at: what is loaded stays")
