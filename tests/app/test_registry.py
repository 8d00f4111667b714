"""Broken, missing and strange folders: the service starts, serves the rest and says what is wrong."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.errors import ModelUnavailableError, RequestError, UnknownModelError, UnknownVersionError
from app.model import Model
from app.registry import Registry, one_model
from app.settings import Settings
from tests.app.folders import compare, damage, paper_models, publish, seal
from tests.conftest import png
from tests.server import Server
from training.data import Dataset
from training.publish import MANIFEST, write_json


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return paper_models(tmp_path / "models")


def registry(folder: Path, **settings: object) -> Registry:
    return Registry(Settings(models_dir=folder, **settings))  # type: ignore[arg-type]


def publish_again(copy: Path, version: int) -> Path:
    return publish(copy / "cnn" / "1", copy, "cnn", version)


def wrong_golden(version: Path) -> None:
    golden = json.loads((version / "golden.json").read_text())
    golden["images"][3]["probabilities"][3] += 0.01
    write_json(version / "golden.json", golden)
    seal(version)


def rewrite(name: str, text: str) -> Callable[[Path], None]:
    def apply(version: Path) -> None:
        (version / name).write_text(text)
        seal(version)

    return apply


def manifest_folder(version: Path) -> None:
    (version / MANIFEST).unlink()
    (version / MANIFEST).mkdir()


def manifest_pipe(version: Path) -> None:
    (version / MANIFEST).unlink()
    os.mkfifo(version / MANIFEST)


def without_report_page(version: Path) -> None:
    (version / "report.html").unlink()
    seal(version)


def change(name: str, apply: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def spoil(version: Path) -> None:
        content = json.loads((version / name).read_text())
        apply(content)
        write_json(version / name, content)
        seal(version)

    return spoil


def stranger(version: Path) -> None:
    (version / "assets").mkdir(exist_ok=True)
    (version / "assets" / "x").touch()


def link(version: Path) -> None:
    shutil.move(version / "golden.json", version.parent / "elsewhere.json")
    (version / "golden.json").symlink_to(version.parent / "elsewhere.json")


def no_graph(version: Path) -> None:
    (version / "model.tflite").write_bytes(b"nonsense")
    seal(version)


def no_conversion(version: Path) -> None:
    (version / "model.tflite").unlink()
    seal(version)


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "flipped bit": (damage, "variables/variables.data-00000-of-00001 differs from its SHA-256"),
    "no manifest": (lambda version: (version / MANIFEST).unlink(), "never completely published"),
    "manifest cut short": (lambda version: (version / MANIFEST).write_bytes((version / MANIFEST).read_bytes()[:100]), "is not a manifest"),
    "manifest of another shape": (lambda version: (version / MANIFEST).write_text('{"sha256": {"card.json": 1}}'), "is not a manifest"),
    "manifest is a list": (lambda version: (version / MANIFEST).write_text("[]"), "is not a manifest"),
    "manifest is a folder": (manifest_folder, "manifest.json is not a regular file"),
    "manifest is a pipe": (manifest_pipe, "manifest.json is not a regular file"),
    "manifest is nested without end": (lambda version: (version / MANIFEST).write_text("[" * 100_000), "is not a manifest"),
    "file missing": (lambda version: (version / "saved_model.pb").unlink(), "missing: saved_model.pb"),
    "file too many": (stranger, "not in manifest.json, remove: assets/x"),
    "symbolic link": (link, "golden.json is not a regular file"),
    "wrong answers": (wrong_golden, "answers to the golden images are off by 0.01"),
    "card is no JSON": (rewrite("card.json", "{"), "can't be used"),
    "card of another model": (
        lambda version: rewrite("card.json", (version / "card.json").read_text().replace('"name": "cnn"', '"name": "ann"', 1))(version),
        "its card says ann version 1",
    ),
    "card of two labels": (change("card.json", lambda card: card.update(labels=["a", "b"])), "other classes than the 2 labels"),
    "golden pixels cut short": (change("golden.json", lambda golden: golden["images"][0].update(pixels="AAAA")), "can't be used"),
    "golden pixels no base64": (change("golden.json", lambda golden: golden["images"][0].update(pixels="ä")), "can't be used"),
    "golden rows of two lengths": (change("golden.json", lambda golden: golden["images"][0]["probabilities"].pop()), "can't be used"),
    "report is a list": (rewrite("report.json", "[]"), "can't be used"),
    "report without data": (change("report.json", lambda report: report.pop("dataset")), "can't be used"),
    "report nested without end": (rewrite("report.json", "[" * 100_000), "can't be used"),
    "no report page": (without_report_page, "published without report.html"),
    "golden without images": (rewrite("golden.json", '{"images": []}'), "can't be used"),
    "no graph": (no_graph, "the litert runtime can't load it"),
    "no conversion": (no_conversion, "published without model.tflite: `python -m training evaluate cnn` adds it"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_version_is_not_served_and_says_why(name: str, copy: Path) -> None:
    spoil, reason = BROKEN[name]
    spoil(copy / "cnn" / "1")
    found = registry(copy)
    assert [model.name for model in found.served()] == ["ann"]
    entry = found.entry("cnn")
    assert [(each.version, each.state) for each in entry.versions] == [(1, "broken")]
    assert reason in str(entry.versions[0].reason)
    with pytest.raises(ModelUnavailableError, match="The model cnn is not available: version 1: "):
        found.model("cnn")
    assert list(found.failures()) == ["cnn"]
    assert reason in found.failures()["cnn"]


@pytest.mark.parametrize("what", ["removed", "broken"])
def test_the_other_model_serves_on_over_http(what: str, copy: Path, dataset: Dataset) -> None:
    if what == "removed":
        shutil.rmtree(copy / "cnn")
        reason = "it has no folder"
    else:
        damage(copy / "cnn" / "1")
        reason = "differs from its SHA-256"
    image = {"file": png(dataset.test_images[0, ..., 0])}
    with Server(models_dir=str(copy)) as server:
        assert server.http.post("/predict?model=ann", files=image).json()["label"] == "Ankle boot"
        refused = server.http.post("/predict?model=cnn", files=image)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
        assert reason in refused.json()["detail"]
        assert server.http.get("/healthz").status_code == 200
        ready = server.http.get("/readyz")
        assert ready.status_code == 503
        assert "cnn" in ready.json()["detail"]
        assert reason in ready.json()["detail"]
        models = {each["name"]: each for each in server.http.get("/models").json()["models"]}
        assert (models["ann"]["state"], models["cnn"]["state"]) == ("ready", "unavailable")
        assert reason in models["cnn"]["reason"]
        detail = server.http.get("/models/cnn").json()
        assert (detail["state"], detail["card"]) == ("unavailable", None)
        assert list(server.http.get("/metrics").json()["models"]) == ["ann"]
        assert server.http.get("/metrics").json()["comparison"] is None
        assert server.http.get("/metrics?model=cnn").status_code == 503
        both = server.http.post("/compare", files=image).json()
        assert both["models"]["ann"]["label"] == "Ankle boot"
        assert both["models"]["cnn"]["status"] == 503
        assert any(line["level"] == "ERROR" and reason in line.get("reason", "") for line in server.logs())


def test_without_any_model_it_lives_but_is_not_ready(tmp_path: Path) -> None:
    with Server(models_dir=str(tmp_path / "nowhere")) as server:
        assert server.http.get("/healthz").status_code == 200
        assert server.http.get("/readyz").status_code == 503
        assert server.http.get("/metrics").json() == {"dataset": None, "models": {}, "comparison": None}
        assert any(line["message"] == "the models folder can't be read" for line in server.logs())


def test_the_highest_intact_version_serves(copy: Path) -> None:
    publish_again(copy, 2)
    damage(publish_again(copy, 10))
    found = registry(copy)
    assert found.model("cnn").version == 2
    assert found.model("cnn", 1).version == 1
    states = {each.version: each.state for each in found.entry("cnn").versions}
    assert states == {10: "broken", 2: "served", 1: "loaded"}
    with pytest.raises(ModelUnavailableError, match="Version 10 of the model cnn is not available: variables"):
        found.model("cnn", 10)
    with pytest.raises(UnknownVersionError, match="no version 3: choose one of 2, 1"):
        found.model("cnn", 3)


def test_older_versions_stay_on_disk(copy: Path) -> None:
    publish_again(copy, 2)
    found = registry(copy, versions_per_model=1)
    assert {each.version: each.state for each in found.entry("cnn").versions} == {2: "served", 1: "idle"}
    with pytest.raises(ModelUnavailableError, match="older than those the service loads"):
        found.model("cnn", 1)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions of the paper's models and a third model, as a fresh clone is to have them."""
    models = paper_models(tmp_path_factory.mktemp("shelf") / "models")
    for name, version in (("ann", 2), ("cnn", 2), ("resnet", 1)):
        publish(models / "cnn" / "1", models, name, version)
    compare(models)
    return models


def test_three_models_in_several_versions(shelf: Path) -> None:
    found = registry(shelf)
    assert {name: {each.version: each.state for each in entry.versions} for name, entry in found.entries.items()} == {
        "ann": {2: "served", 1: "loaded"},
        "cnn": {2: "served", 1: "loaded"},
        "resnet": {1: "served"},
    }
    assert found.failures() == {}
    assert [found.is_required(name) for name in found.entries] == [True, True, False]
    evidence = json.loads(found.evidence(None))
    assert {name: each["version"] for name, each in evidence["models"].items()} == {"ann": 2, "cnn": 2, "resnet": 1}
    assert {name: each["version"] for name, each in evidence["comparison"]["models"].items()} == {"ann": 2, "cnn": 2, "resnet": 1}


def test_a_third_model_may_be_broken_or_required(shelf: Path, tmp_path: Path) -> None:
    models = Path(shutil.copytree(shelf, tmp_path / "models"))
    damage(models / "resnet" / "1")
    found = registry(models)
    assert found.failures() == {}
    assert [model.name for model in found.served()] == ["ann", "cnn"]
    assert list(registry(models, required_models=("ann", "cnn", "resnet")).failures()) == ["resnet"]


def test_three_models_over_http(shelf: Path, dataset: Dataset) -> None:
    with Server(models_dir=str(shelf)) as server:
        assert server.http.get("/readyz").json() == {"status": "ready", "models": {"ann": 2, "cnn": 2, "resnet": 1}}
        image = {"file": png(dataset.test_images[0, ..., 0])}
        answers = server.http.post("/compare", files=image).json()["models"]
        assert {name: answer["version"] for name, answer in answers.items()} == {"ann": 2, "cnn": 2, "resnet": 1}
        assert server.http.post("/predict?model=ann&version=1", files=image).json()["version"] == 1
        assert server.http.get("/comparison").content == (shelf / "comparison.html").read_bytes()


def test_files_may_go_once_they_are_loaded(copy: Path) -> None:
    with Server(models_dir=str(copy)) as server:
        expected = (copy / "cnn" / "1" / "report.html").read_bytes(), (copy / "cnn" / "1" / "plots" / "roc.png").read_bytes()
        shutil.rmtree(copy)
        assert server.http.get("/models/cnn/versions/1/report").content == expected[0]
        assert server.http.get("/models/cnn/versions/1/plots/roc.png").content == expected[1]
        assert server.http.get("/readyz").status_code == 200


def test_the_default_model_is_required(copy: Path) -> None:
    found = registry(copy, required_models=("ann",), default_model="vgg")
    assert list(found.failures()) == ["vgg"]
    assert registry(copy, required_models=("ann",), default_model="ann").failures() == {}


def test_a_folder_without_a_version_says_so(copy: Path) -> None:
    shutil.rmtree(copy / "cnn" / "1")
    assert registry(copy).failures() == {"cnn": "its folder has no version"}


def test_strangers_in_the_folder_are_passed_over(copy: Path) -> None:
    (copy / "cnn" / "01").mkdir()
    (copy / "cnn" / "0").mkdir()
    (copy / "cnn" / "latest").mkdir()
    (copy / "cnn" / ".2.draft").mkdir()
    (copy / "cnn" / "²").mkdir()
    (copy / "cnn" / "notes.txt").touch()
    (copy / ".hidden").mkdir()
    found = registry(copy)
    assert list(found.entries) == ["ann", "cnn"]
    assert [each.version for each in found.entry("cnn").versions] == [1]


def test_a_further_model_is_served_but_not_required(copy: Path) -> None:
    other = publish(copy / "cnn" / "1", copy, "dnn", 1)
    found = registry(copy)
    assert [model.name for model in found.served()] == ["ann", "cnn", "dnn"]
    damage(other)
    assert registry(copy).failures() == {}


def test_readiness_sees_a_model_that_answers_wrongly(copy: Path) -> None:
    found = registry(copy)
    assert found.failures() == {}
    found.model("cnn")._golden_probabilities[0, 0] += 0.5
    assert "off by 0.5" in found.failures()["cnn"]


def test_an_unknown_name_is_shortened(copy: Path) -> None:
    with pytest.raises(UnknownModelError, match=r"There is no model 'x{40}\\u2026': choose one of ann, cnn"):
        registry(copy).model("x" * 1000)


def test_a_pipe_does_not_hang_the_start(copy: Path) -> None:
    (copy / "cnn" / "1" / "saved_model.pb").unlink()
    os.mkfifo(copy / "cnn" / "1" / "saved_model.pb")
    assert "saved_model.pb is not a regular file" in str(registry(copy).entry("cnn").reason)


@pytest.mark.parametrize(
    ("name", "version"), [(None, None), ("ann", None), ("cnn", 1), ("cnn", 2), ("vgg", None), ("../cnn", 1), ("cnn", 9)]
)
def test_one_model_alone_is_what_the_whole_registry_finds(copy: Path, name: str | None, version: int | None) -> None:
    damage(publish_again(copy, 2))

    def found(find: Callable[[], Model]) -> object:
        try:
            model = find()
        except RequestError as error:
            return type(error), str(error)
        return model.name, model.version

    settings = Settings(models_dir=copy)
    assert found(lambda: one_model(settings, name, version)) == found(lambda: Registry(settings).model(name, version))


def test_one_model_alone_reads_no_other(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_again(copy, 2)
    read: list[tuple[str, str]] = []

    class Spy(Model):
        def __init__(self, folder: Path, runtime: str) -> None:
            read.append((folder.parent.name, folder.name))
            super().__init__(folder, runtime)

    monkeypatch.setattr("app.entry.Model", Spy)
    one_model(Settings(models_dir=copy), "cnn", None)
    assert read == [("cnn", "2")]
