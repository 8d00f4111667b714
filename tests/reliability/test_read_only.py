"""Nothing that is sent over HTTP changes anything: every method on every path. The long form tries more strange methods."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import data
from tests.app.folders import paper_models
from tests.reliability.conftest import Record
from tests.reliability.operations import operations
from tests.server import Server

BOOT = data.BOOT.read_bytes()


METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
STRANGE = ("PROPFIND", "MKCOL", "MOVE", "COPY", "LOCK", "LINK", "UNLINK", "PURGE", "REPORT", "MERGE", "SEARCH", "CONNECT")
LOADERS = [f"/v2/repository/models/cnn/{verb}" for verb in ("load", "unload")] + [
    "/v2/systemsharedmemory/region/x/register",
    "/v2/logging",
    "/v2/trace/setting",
]
BODIES = (b"", b'{"parameters": {"config": "{}"}, "model_name": "cnn"}', b'{"instances": [[0]]}')


@dataclass
class Walk:
    """The models folder and what is said of it before and after every method on every path."""

    asked: int
    statuses: set[int]
    before: tuple[dict[str, str], bytes]
    after: tuple[dict[str, str], bytes]


def contents(folder: Path) -> dict[str, str]:
    """Every path below it: the hash of a file with its time and mode, the mode of a folder."""
    return {
        str(each.relative_to(folder)): f"{each.stat().st_mode} {each.stat().st_mtime_ns} {hashlib.sha256(each.read_bytes()).hexdigest()}"
        if each.is_file()
        else f"{each.stat().st_mode}"
        for each in folder.rglob("*")
    }


def walk(server: Server, models: Path, methods: Iterable[str]) -> Walk:
    before = contents(models), server.http.get("/models").content
    paths = (
        {path for _, path in operations(server)}
        | {"/", "/docs", "/openapi.json", "/static/page.js", "/nowhere", "/models/cnn/versions/1"}
        | set(LOADERS)
    )
    statuses = [
        server.http.request(method, path, content=body, headers={"Content-Type": "application/json"}).status_code
        for path in sorted(paths)
        for method in methods
        for body in (BODIES if method in ("POST", "PUT", "PATCH", "DELETE") else BODIES[:1])
    ]
    return Walk(len(statuses), set(statuses), before, (contents(models), server.http.get("/models").content))


def nothing_changed(seen: Walk) -> None:
    assert seen.before == seen.after
    assert max(seen.statuses) < 500


def test_nothing_changes_over_http(tmp_path: Path, record: Record, soak: bool) -> None:
    models = paper_models(tmp_path / "models")
    with Server(models_dir=str(models)) as server:
        seen = walk(server, models, METHODS + (STRANGE if soak else STRANGE[:3]))
    record(
        "Nothing changes over HTTP",
        "models folder and /models as they were, no 5xx",
        f"{seen.asked:,} requests, statuses {sorted(seen.statuses)}",
    )
    nothing_changed(seen)


def test_without_that_a_route_that_removes_is_seen(tmp_path: Path) -> None:
    """The walk finds a route that a careless hand added."""
    models = paper_models(tmp_path / "models")
    changed = (
        "import pathlib\nfrom app.routes import models\n"
        "@models.router.delete('/{name}', include_in_schema=False)\n"
        "async def remove(name: str) -> None:\n"
        f"    pathlib.Path({str(models)!r}, name, '1', 'card.json').unlink(missing_ok=True)\n"
    )
    with Server(models_dir=str(models), changed=changed) as server:
        seen = walk(server, models, METHODS)
    with pytest.raises(AssertionError):
        nothing_changed(seen)
