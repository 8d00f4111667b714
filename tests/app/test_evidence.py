from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.errors import ModelUnavailableError, UnknownModelError
from app.registry import Registry
from app.settings import Settings
from tests.app.folders import paper_models, read
from tests.server import Server
from training.publish import write_json


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return paper_models(tmp_path / "models")


def test_of_one_model_it_is_the_same_with_that_model_alone(copy: Path) -> None:
    registry = Registry(Settings(models_dir=copy))
    whole, one = json.loads(registry.evidence(None)), json.loads(registry.evidence("ann"))
    assert one == {**whole, "models": {"ann": whole["models"]["ann"]}}
    assert list(whole["models"]) == ["ann", "cnn"]
    assert whole["comparison"] == read(copy / "comparison.json")
    assert whole["dataset"] == read(copy / "ann" / "1" / "report.json")["dataset"]


def test_it_is_made_once(copy: Path) -> None:
    registry = Registry(Settings(models_dir=copy))
    for name in (None, "ann", "cnn"):
        assert registry.evidence(name) is registry.evidence(name)


def test_of_no_model_there_is_none(copy: Path) -> None:
    (copy / "cnn" / "1" / "report.json").unlink()
    registry = Registry(Settings(models_dir=copy))
    with pytest.raises(ModelUnavailableError):
        registry.evidence("cnn")
    with pytest.raises(UnknownModelError):
        registry.evidence("vgg")
    assert list(json.loads(registry.evidence(None))["models"]) == ["ann"]


def test_letters_beyond_ascii_arrive(copy: Path) -> None:
    write_json(copy / "comparison.json", {**read(copy / "comparison.json"), "summary": "ANN · CNN: 5 ‰"})
    with Server(models_dir=str(copy)) as server:
        answer = server.http.get("/metrics")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["comparison"]["summary"] == "ANN · CNN: 5 ‰"
