from __future__ import annotations

from pathlib import Path

import pytest

from app.cli.sources import SUFFIXES
from tests import data
from tests.conftest import png
from tests.server import Server


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 310 real images, more than one request takes, of which 300 differ."""
    folder = tmp_path_factory.mktemp("many")
    images, _ = data.load()
    for number in range(310):
        (folder / f"{number:03}{SUFFIXES[0]}").write_bytes(png(images[number % len(images), ..., 0]))
    return folder


@pytest.fixture(params=["direct", "url"])
def how(request: pytest.FixtureRequest, server: Server) -> tuple[str, ...]:
    """The options that make the models themselves answer, or a service."""
    return () if request.param == "direct" else ("--url", url(server))


def url(server: Server) -> str:
    return str(server.http.base_url).rstrip("/")
