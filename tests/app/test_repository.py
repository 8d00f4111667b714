"""What is published, damaged or removed while serving: the next look takes it over, refuses it, or keeps what serves."""

from __future__ import annotations

import gc
import os
import shutil
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from app import telemetry
from app.errors import ModelUnavailableError, UnknownVersionError
from app.repository import Repository
from app.settings import Settings
from tests.app.folders import compare, damage, paper_models, publish
from training.publish import MANIFEST


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return paper_models(tmp_path / "models")


def repository(folder: Path, **settings: object) -> Repository:
    return Repository(Settings(models_dir=folder, **settings))  # type: ignore[arg-type]


def publish_again(copy: Path, version: int) -> Path:
    return publish(copy / "cnn" / "1", copy, "cnn", version)


def served(serving: Repository, name: str = "cnn") -> int:
    return serving.registry.model(name).version


def states(serving: Repository, name: str = "cnn") -> dict[int, str]:
    return {each.version: each.state for each in serving.registry.entry(name).versions}


def reason(serving: Repository, version: int, name: str = "cnn") -> str:
    [found] = [each.reason for each in serving.registry.entry(name).versions if each.version == version]
    return str(found)


def test_an_unchanged_folder_changes_nothing(copy: Path) -> None:
    serving = repository(copy)
    before = serving.registry
    serving.refresh()
    assert serving.registry is before


def test_a_new_version_serves_and_the_old_one_answers_by_number(copy: Path) -> None:
    serving = repository(copy)
    old = serving.registry.model("cnn")
    publish_again(copy, 2)
    assert served(serving) == 1
    serving.refresh()
    assert served(serving) == 2
    assert states(serving) == {2: "served", 1: "loaded"}
    assert serving.registry.model("cnn", 1) is old  # not loaded again
    assert serving.registry.model("ann").version == 1


def test_the_oldest_makes_room_and_its_memory_is_given_back(copy: Path) -> None:
    publish_again(copy, 2)
    serving = repository(copy)
    oldest = weakref.ref(serving.registry.model("cnn", 1))
    publish_again(copy, 3)
    serving.refresh()
    assert states(serving) == {3: "served", 2: "loaded", 1: "idle"}
    assert oldest() is None  # at once: nothing waits for the garbage collector


def test_removing_a_version_is_a_rollback(copy: Path) -> None:
    newer = publish_again(copy, 2)
    serving = repository(copy)
    shutil.rmtree(newer)
    serving.refresh()
    assert served(serving) == 1
    assert states(serving) == {1: "served"}
    with pytest.raises(UnknownVersionError):
        serving.registry.model("cnn", 2)


def test_a_new_model_is_served(copy: Path) -> None:
    serving = repository(copy)
    publish(copy / "cnn" / "1", copy, "tiny", 1)
    serving.refresh()
    assert served(serving, "tiny") == 1


def without_manifest(version: Path) -> None:
    (version / MANIFEST).unlink()


def half(version: Path) -> None:
    (version / "report.html").unlink()
    without_manifest(version)


def cut_short(version: Path) -> None:
    os.truncate(version / "model.tflite", 5000)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [(damage, "differs from its SHA-256"), (half, "never completely published"), (cut_short, "model.tflite differs")],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_bad_version_is_refused_and_the_old_one_stays(spoil: Callable[[Path], None], why: str, copy: Path) -> None:
    serving = repository(copy)
    old = serving.registry.model("cnn")
    newer = publish_again(copy, 2)
    spoil(newer)
    serving.refresh()
    assert serving.registry.model("cnn") is old
    assert states(serving) == {2: "broken", 1: "served"}
    assert why in reason(serving, 2)
    before = serving.registry
    serving.refresh()
    assert serving.registry is before  # not tried again as long as nothing changes
    shutil.rmtree(newer)
    publish_again(copy, 2)
    serving.refresh()
    assert states(serving) == {2: "served", 1: "loaded"}


@pytest.mark.parametrize("spoil", [damage, half, cut_short])
def test_a_version_damaged_after_it_was_loaded_serves_from_memory(spoil: Callable[[Path], None], copy: Path) -> None:
    newer = publish_again(copy, 2)
    serving = repository(copy)
    loaded = serving.registry.model("cnn")
    spoil(newer)
    serving.refresh()
    assert serving.registry.model("cnn") is loaded
    assert states(serving) == {2: "served", 1: "loaded"}
    assert "damaged after it was loaded" in reason(serving, 2)
    assert serving.registry.failures() == {}
    serving.refresh()
    assert serving.registry.model("cnn") is loaded


def test_the_last_version_is_not_taken_away(copy: Path, models: Path) -> None:
    serving = repository(copy)
    loaded = serving.registry.model("cnn")
    shutil.rmtree(copy / "cnn" / "1")
    for _ in range(2):  # what is kept is kept by the next look too
        (copy / "ann" / "1").touch()
        serving.refresh()
        assert serving.registry.model("cnn") is loaded
        assert states(serving) == {1: "served"}
        assert reason(serving, 1) == "its folder is gone: it serves from memory until the service stops"
    shutil.copytree(copy / "ann" / "1", copy / "cnn" / "1")  # not the model's
    serving.refresh()
    assert states(serving) == {1: "served"}
    assert serving.registry.model("cnn") is loaded
    shutil.rmtree(copy / "cnn" / "1")
    publish(models / "cnn" / "1", copy, "cnn", 1)
    serving.refresh()
    assert serving.registry.model("cnn") is not loaded
    assert serving.registry.entry("cnn").versions[0].reason is None


def test_a_models_folder_that_goes_takes_nothing_with_it(copy: Path) -> None:
    serving = repository(copy)
    copy.rename(copy.with_name("elsewhere"))
    serving.refresh()
    assert [model.name for model in serving.registry.served()] == ["ann", "cnn"]
    assert "the models folder can't be read (No such file or directory)" in reason(serving, 1)
    assert serving.registry.failures() == {}
    copy.with_name("elsewhere").rename(copy)
    publish_again(copy, 2)
    serving.refresh()
    assert states(serving) == {2: "served", 1: "loaded"}
    assert reason(serving, 1) == "None"


def test_nor_is_a_model_that_no_setting_names(copy: Path) -> None:
    publish(copy / "cnn" / "1", copy, "tiny", 1)
    serving = repository(copy)
    shutil.rmtree(copy / "tiny")
    serving.refresh()
    assert serving.registry.model("tiny").version == 1


def test_a_model_that_never_served_goes_with_its_folder(copy: Path) -> None:
    damage(publish(copy / "cnn" / "1", copy, "tiny", 1))
    serving = repository(copy)
    assert "tiny" in serving.registry.entries
    shutil.rmtree(copy / "tiny")
    serving.refresh()
    assert "tiny" not in serving.registry.entries


def test_a_pinned_version_serves_instead_of_the_highest(copy: Path) -> None:
    publish_again(copy, 2)
    serving = repository(copy, pinned_versions={"cnn": 1})
    assert states(serving) == {2: "loaded", 1: "served"}
    publish_again(copy, 3)
    serving.refresh()
    assert states(serving) == {3: "loaded", 2: "idle", 1: "served"}
    assert served(serving) == 1
    assert [model.version for model in serving.registry.loaded() if model.name == "cnn"] == [3, 1]


def test_a_pin_to_what_is_not_there_serves_nothing_else(copy: Path) -> None:
    serving = repository(copy, pinned_versions={"cnn": 7})
    with pytest.raises(ModelUnavailableError, match="pinned to version 7, which can't serve: it is not there"):
        serving.registry.model("cnn")
    assert serving.registry.model("cnn", 1).version == 1
    assert list(serving.registry.failures()) == ["cnn"]
    damage(publish_again(copy, 7))
    serving.refresh()
    with pytest.raises(ModelUnavailableError, match=r"version 7: .* differs from its SHA-256"):
        serving.registry.model("cnn")
    shutil.rmtree(copy / "cnn" / "7")
    publish_again(copy, 7)
    serving.refresh()
    assert served(serving) == 7


def test_a_pinned_version_is_not_taken_away(copy: Path) -> None:
    publish_again(copy, 2)
    serving = repository(copy, pinned_versions={"cnn": 1})
    shutil.rmtree(copy / "cnn" / "1")
    serving.refresh()
    assert states(serving) == {2: "loaded", 1: "served"}


def test_evidence_and_comparison_follow(copy: Path) -> None:
    serving = repository(copy)
    assert serving.registry.comparison.figures
    publish_again(copy, 2)
    serving.refresh()
    assert serving.registry.comparison.figures is None  # it is of version 1
    assert b'"version":2' in serving.registry.evidence("cnn")
    compare(copy)
    serving.refresh()
    assert serving.registry.comparison.figures


def test_a_vanished_version_has_no_state(copy: Path) -> None:
    newer = publish_again(copy, 2)
    serving = repository(copy)
    shutil.rmtree(newer)
    serving.refresh()

    def state(version: int) -> dict[str, float]:
        [metric] = telemetry.VERSIONS.collect()
        return {
            each.labels["state"]: each.value
            for each in metric.samples
            if (each.labels["model"], each.labels["version"]) == ("cnn", str(version)) and each.value
        }

    assert state(2) == {}
    assert state(1) == {"served": 1}


def test_a_busy_service_makes_no_model_slow(copy: Path) -> None:
    """What else the process does while it loads a version is not that version's time."""
    serving = repository(copy)

    async def load_while_busy() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.to_thread.run_sync, serving.refresh)
            while served(serving) == 1:
                sum(range(200_000))  # holds the interpreter, as requests would
                await anyio.lowlevel.checkpoint()

    publish_again(copy, 2)
    anyio.run(load_while_busy)
    assert not serving.registry.model("cnn").is_slow


def test_a_look_that_fails_is_not_the_last(copy: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    serving = repository(copy, reload_seconds=0.01)
    looked, again = 0, threading.Event()

    def look() -> None:
        nonlocal looked
        looked += 1
        if looked == 3:
            again.set()
        raise RuntimeError("what nobody thought of")

    monkeypatch.setattr(serving, "refresh", look)

    async def watch() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serving.watch)
            assert await anyio.to_thread.run_sync(again.wait, 30)
            tasks.cancel_scope.cancel()

    anyio.run(watch)
    assert "could not be looked at" in caplog.text


def test_swaps_leave_no_garbage_for_the_collector(copy: Path) -> None:
    """The collector is the only one who would free cycles, and it would hold up every request meanwhile."""
    serving = repository(copy)
    gc.collect()
    gc.disable()
    try:
        publish_again(copy, 2)
        serving.refresh()
        shutil.rmtree(copy / "cnn" / "2")
        serving.refresh()
        swapped = [each for each in gc.get_objects() if type(each).__name__ == "Model" and type(each).__module__ == "app.model"]
    finally:
        gc.enable()
    assert sorted((model.name, model.version) for model in swapped if model in serving.registry.loaded()) == [("ann", 1), ("cnn", 1)]
    assert len([model for model in swapped if (model.name, model.version) == ("cnn", 2)]) == 0
