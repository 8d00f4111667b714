"""Models in an object store, against a real S3 server: fetched, verified, kept, and told apart from what is only half there."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.object_store import DRAFT, ObjectStore
from app.registry import one_model
from app.repository import Repository
from app.settings import Settings
from app.source import source
from tests.app.folders import damage, paper_models, publish
from tests.app.test_repository import reason, states
from tests.data import BOOT
from tests.object_store import S3
from tests.server import ROOT, Server
from training.publish import MANIFEST

ADDRESSES = itertools.count()


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with S3() as running:
        yield running


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return paper_models(tmp_path_factory.mktemp("published") / "models")


@pytest.fixture
def prefix(s3: S3, models: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder of the bucket with version 1 of the paper's models, and the environment that leads there."""
    name = f"models-{next(ADDRESSES)}"
    s3.upload(models, name)
    for variable, value in s3.environment.items():
        monkeypatch.setenv(variable, value)
    return name


@pytest.fixture
def settings(s3: S3, prefix: str, tmp_path: Path) -> Settings:
    return Settings(models_dir=s3.address(prefix), models_cache=tmp_path / "cache")


def mirror(settings: Settings) -> Path:
    [found] = settings.models_cache.iterdir()
    return found


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


def newer(models: Path, tmp_path: Path, version: int = 2) -> Path:
    return publish(models / "cnn" / "1", tmp_path / "published", "cnn", version)


def test_what_is_served_is_what_is_in_the_store(settings: Settings, models: Path) -> None:
    serving = Repository(settings)
    assert serving.registry.failures() == {}
    assert states(serving) == {1: "served"}
    assert serving.registry.comparison.figures is not None
    assert files(mirror(settings)) == files(models)


def test_an_unchanged_store_changes_nothing(settings: Settings) -> None:
    serving = Repository(settings)
    before = serving.registry
    serving.refresh()
    assert serving.registry is before


def test_what_is_published_there_serves_and_what_is_removed_does_not(
    settings: Settings, s3: S3, prefix: str, models: Path, tmp_path: Path
) -> None:
    serving = Repository(settings)
    s3.upload(newer(models, tmp_path), f"{prefix}/cnn/2")
    serving.refresh()
    assert states(serving) == {2: "served", 1: "loaded"}
    s3.remove(f"{prefix}/cnn/2")
    serving.refresh()
    assert states(serving) == {1: "served"}
    assert not (mirror(settings) / "cnn/2").exists()


def test_only_what_can_serve_is_fetched(settings: Settings, s3: S3, prefix: str, models: Path, tmp_path: Path) -> None:
    for version in (2, 3, 4):
        s3.upload(newer(models, tmp_path, version), f"{prefix}/cnn/{version}")
    assert states(Repository(settings)) == {4: "served", 3: "loaded"}
    pinned = settings.model_copy(update={"pinned_versions": {"cnn": 1}, "models_cache": tmp_path / "other"})
    assert states(Repository(pinned)) == {4: "loaded", 1: "served"}


def test_a_version_is_fetched_once(settings: Settings, s3: S3, prefix: str) -> None:
    source(settings)()
    content = mirror(settings) / "cnn/1/model.tflite"
    first = content.stat().st_ino
    s3.store(f"{prefix}/cnn/1").put("model.tflite", b"not what the manifest says")
    source(settings)()  # as the next start does: the manifest is the same, so nothing else is asked for
    assert content.stat().st_ino == first


def test_files_of_a_version_are_fetched_together(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of them wait for each other, in vain if one comes after the other."""
    content, met = ObjectStore._content, threading.Barrier(2)
    calls = itertools.count()

    def meeting(store: ObjectStore, path: str) -> bytes:
        if not path.endswith("manifest.json") and next(calls) < 2:
            met.wait(10)
        return content(store, path)

    monkeypatch.setattr(ObjectStore, "_content", meeting)
    assert states(Repository(settings)) == {1: "served"}


def test_another_version_under_the_same_number_replaces_it(settings: Settings, s3: S3, prefix: str, models: Path, tmp_path: Path) -> None:
    source(settings)()
    s3.remove(f"{prefix}/cnn/1")
    s3.upload(publish(models / "ann" / "1", tmp_path / "published", "cnn", 1), f"{prefix}/cnn/1")
    source(settings)()
    assert files(mirror(settings) / "cnn/1") == files(tmp_path / "published/cnn/1")


def test_an_unchanged_version_is_read_no_more(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    look = source(settings)
    look()
    monkeypatch.setattr("app.object_store.verify", lambda folder: pytest.fail(f"{folder} is read"))
    look()


def test_what_was_damaged_here_is_fetched_again(settings: Settings) -> None:
    source(settings)()
    damage(mirror(settings) / "cnn/1")
    serving = Repository(settings)
    assert states(serving) == {1: "served"}


@pytest.mark.parametrize(
    ("missing", "why"), [(MANIFEST, "never completely published"), ("model.tflite", "missing: ")], ids=["no manifest", "a file missing"]
)
def test_half_a_version_is_refused_until_it_is_whole(
    missing: str, why: str, settings: Settings, s3: S3, prefix: str, models: Path, tmp_path: Path
) -> None:
    version = newer(models, tmp_path)
    serving = Repository(settings)
    s3.upload(version, f"{prefix}/cnn/2", but=missing)
    serving.refresh()
    assert states(serving) == {2: "broken", 1: "served"}
    assert why in reason(serving, 2)
    s3.upload(version, f"{prefix}/cnn/2")
    serving.refresh()
    assert states(serving) == {2: "served", 1: "loaded"}


def test_a_changed_file_is_refused(settings: Settings, s3: S3, prefix: str, models: Path, tmp_path: Path) -> None:
    s3.upload(damage(newer(models, tmp_path)), f"{prefix}/cnn/2")
    serving = Repository(settings)
    assert states(serving) == {2: "broken", 1: "served"}
    assert "differs from its SHA-256" in reason(serving, 2)


@pytest.mark.parametrize("manifest", [b"{", b'{"sha256": {"../../escaped": "0"}}', b'{"sha256": {"/escaped": "0"}}'])
def test_a_manifest_of_somebody_else_is_refused(manifest: bytes, settings: Settings, s3: S3, prefix: str, tmp_path: Path) -> None:
    s3.store(f"{prefix}/cnn/2").put(MANIFEST, manifest)
    serving = Repository(settings)
    assert states(serving) == {2: "broken", 1: "served"}
    assert not [path for path in tmp_path.rglob("*") if path.name == "escaped"]


def test_a_name_that_leads_out_of_the_folder_is_a_reason(settings: Settings, s3: S3, prefix: str, tmp_path: Path) -> None:
    serving = Repository(settings)
    s3.put_raw(f"{prefix}/cnn/2/../../../escaped")
    serving.refresh()
    assert serving.registry.found.unreadable == f"{settings.models_dir} can't be mirrored (InvalidPathError)"
    assert states(serving) == {1: "served"}
    assert not [path for path in tmp_path.rglob("*") if path.name == "escaped"]


def test_a_version_in_the_mirror_outlives_a_broken_one_in_the_store(settings: Settings, s3: S3, prefix: str) -> None:
    source(settings)()
    s3.store(f"{prefix}/cnn/1").put(MANIFEST, b'{"sha256": {"card.json": "0"}}')
    assert states(Repository(settings)) == {1: "served"}


def test_what_no_version_is_named_by_is_left_alone(settings: Settings, s3: S3, prefix: str, models: Path) -> None:
    for path in ("notes.txt", "cnn/notes.txt", "cnn/draft/card.json", "cnn/02/card.json", ".hidden/1/manifest.json"):
        s3.store(prefix).put(path, b"{}")
    serving = Repository(settings)
    assert states(serving) == {1: "served"}
    assert files(mirror(settings)) == files(models)


def test_a_store_that_goes_away_leaves_what_was_fetched_until_it_is_back(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with S3() as own:
        own.upload(models, "models")
        for variable, value in own.environment.items():
            monkeypatch.setenv(variable, value)
        settings = Settings(models_dir=own.address("models"), models_cache=tmp_path / "cache")
        serving = Repository(settings)
        own.stop()
        serving.refresh()
        serving.refresh()
        assert serving.registry.failures() == {}
        assert [each.message for each in caplog.records].count("the models can't be fetched") == 1  # and not at each look
        assert Repository(settings).registry.failures() == {}  # the next start has it, too
        own.start()
        own.upload(models, "models")
        own.upload(newer(models, tmp_path), "models/cnn/2")
        serving.refresh()
        assert states(serving) == {2: "served", 1: "loaded"}


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("s3://wardrobe/nothing", "there is no <model>/<version>/ below it"),
        ("s3://no-such-bucket/models", "NoSuchBucket"),
    ],
)
def test_an_address_without_models_is_a_reason_that_readiness_gives(address: str, why: str, settings: Settings) -> None:
    serving = Repository(settings.model_copy(update={"models_dir": address}))
    assert serving.registry.failures()["cnn"] == f"{address} can't be mirrored ({why})"


def test_an_emptied_store_takes_nothing_away(settings: Settings, s3: S3, prefix: str) -> None:
    serving = Repository(settings)
    s3.remove(prefix)
    serving.refresh()
    assert serving.registry.failures() == {}
    assert (mirror(settings) / "cnn/1" / MANIFEST).exists()


def test_a_cache_that_cannot_be_written_is_a_reason(settings: Settings, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    serving = Repository(settings.model_copy(update={"models_cache": blocked / "cache"}))
    assert "NotADirectoryError" in serving.registry.failures()["cnn"]


def test_drafts_of_a_killed_process_are_removed(settings: Settings) -> None:
    source(settings)()
    (mirror(settings) / f"{DRAFT}killed" / "new").mkdir(parents=True)
    source(settings)()
    assert not list(mirror(settings).glob(f"{DRAFT}*"))


def test_one_model_fetches_one_version_of_each(settings: Settings, s3: S3, prefix: str, models: Path, tmp_path: Path) -> None:
    s3.upload(newer(models, tmp_path), f"{prefix}/cnn/2")
    assert one_model(settings, "cnn", None).version == 2
    assert not (mirror(settings) / "cnn/1").exists()


def test_the_service_answers_from_a_store_with_two_workers(s3: S3, prefix: str, models: Path, tmp_path: Path) -> None:
    address = {"models_dir": s3.address(prefix), "models_cache": str(tmp_path / "cache")}
    with Server({**os.environ, **s3.environment}, workers=2, reload_seconds=0.2, **address) as server:
        assert server.http.get("/readyz").status_code == 200
        answer = server.http.post("/predict", content=BOOT.read_bytes(), headers={"Content-Type": "image/png"}).json()
        assert (answer["version"], answer["label"]) == (1, "Ankle boot")
        s3.upload(newer(models, tmp_path), f"{prefix}/cnn/2")
        until = time.monotonic() + 60
        while not (swaps := [each for each in server.logs() if each.get("version") == 2 and each["message"] == "a model serves"])[1:]:
            assert time.monotonic() < until, server.output()
            time.sleep(0.05)
        assert len(swaps) == 2  # one in each worker
        messages = [each["message"] for each in server.logs() if each.get("version") == "cnn/2" and each["intact"]]
    assert messages == ["a version is fetched"]  # by one of them


def command(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_the_command_answers_from_a_store(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARDROBE_MODELS_CACHE", str(settings.models_cache))
    done = command("app.cli", "predict", str(BOOT), "--json", "--models-dir", str(settings.models_dir))
    assert (done.returncode, json.loads(done.stdout)["label"]) == (0, "Ankle boot")
    monkeypatch.setenv("WARDROBE_MODELS_CACHE", str(settings.models_cache / "other"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    done = command("app.cli", "predict", str(BOOT), "--models-dir", str(settings.models_dir))
    assert done.returncode == 3
    assert f"{settings.models_dir} can't be mirrored" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("arguments", "status"), [(["app", "--models-dir"], 2), (["app.cli", "models", "--models-dir"], 3)])
def test_without_obstore_it_says_what_to_install(
    arguments: list[str], status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['obstore'] = None")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    done = command(*arguments, "s3://bucket/models")
    assert done.returncode == status
    assert "requirements/cloud.lock" in done.stderr
    assert "Traceback" not in done.stderr
