from __future__ import annotations

import gc
import threading
from collections.abc import Sequence
from pathlib import Path

import anyio
import pytest
from PIL import Image

from app.classifier import Classifier
from app.errors import MalformedRequestError, OverloadedError, UnprocessableImageError, UnsupportedTypeError
from app.images import Fit, Picture, decode
from app.main import create_app
from app.model import Model
from app.prediction import predict
from app.schemas.predictions import Prediction
from app.settings import Settings
from tests import data
from tests.app.folders import NEWEST
from tests.conftest import encoded

BOOT = data.BOOT.read_bytes()
PADDED = encoded(Image.open(data.BOOT), "BMP") + bytes(10_000)


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """The thread of each decoding."""
    seen: list[threading.Thread] = []

    def spy(content: bytes, fit: Fit, max_pixels: int) -> Picture:
        seen.append(threading.current_thread())
        return decode(content, fit, max_pixels)

    for module in ("classifier", "prediction"):
        monkeypatch.setattr(f"app.{module}.decode", spy)
    return seen


def test_a_small_image_is_decoded_on_the_event_loop(threads: list[threading.Thread]) -> None:
    anyio.run(Classifier(Settings()).decode, BOOT, "strict")
    assert threads == [threading.main_thread()]


@pytest.mark.parametrize(("content", "fit"), [(BOOT, "garment"), (PADDED, "strict")])
def test_all_else_is_decoded_in_a_thread(threads: list[threading.Thread], content: bytes, fit: Fit) -> None:
    anyio.run(Classifier(Settings()).decode, content, fit)
    assert threads != [threading.main_thread()]
    assert len(threads) == 1


@pytest.fixture(scope="module")
def cnn(models: Path) -> Model:
    return Model(models / "cnn" / str(NEWEST["cnn"]), "litert")


def test_few_tensors_are_read_on_the_event_loop_and_many_in_a_thread(cnn: Model) -> None:
    def where() -> tuple[threading.Thread, bool]:
        return threading.current_thread(), gc.isenabled()

    classifier = Classifier(Settings())
    assert anyio.run(classifier.tensors, cnn, 8192, where) == (threading.main_thread(), True)
    thread, collected = anyio.run(classifier.tensors, cnn, 8193, where)
    assert thread != threading.main_thread()
    assert not collected
    assert gc.isenabled()


def test_the_collector_runs_again_after_a_failure(cnn: Model) -> None:
    def fail() -> None:
        raise MalformedRequestError("x")

    with pytest.raises(MalformedRequestError):
        anyio.run(Classifier(Settings()).tensors, cnn, 10**6, fail)
    assert gc.isenabled()


def test_what_is_loaded_is_not_collected(models: Path) -> None:
    async def frozen() -> int:
        gc.unfreeze()
        app = create_app(Settings(models_dir=models))
        async with app.router.lifespan_context(app):
            return gc.get_freeze_count()

    assert anyio.run(frozen) > 10_000


@pytest.fixture
def predicting(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """The thread of each prediction."""
    seen: list[threading.Thread] = []

    def spy(model: Model, pictures: Sequence[Picture], fit: Fit) -> list[Prediction]:
        seen.append(threading.current_thread())
        return predict(model, pictures, fit)

    for module in ("classifier", "prediction"):
        monkeypatch.setattr(f"app.{module}.predict", spy)
    return seen


def test_a_batch_is_decoded_in_one_thread_and_classified_in_its_models_and_keeps_its_order(
    threads: list[threading.Thread], predicting: list[threading.Thread], cnn: Model
) -> None:
    results = anyio.run(Classifier(Settings()).batch, cnn, [BOOT, b"", BOOT], "strict")
    assert [type(each) for each in results] == [Prediction, UnprocessableImageError, Prediction]
    assert len(threads) == 3
    assert len(set(threads)) == 1
    assert len(predicting) == 1
    assert len({*threads, *predicting, threading.main_thread()}) == 3


def test_a_batch_of_nothing_usable_is_answered(cnn: Model) -> None:
    results = anyio.run(Classifier(Settings()).batch, cnn, [b"", b"x"], "strict")
    assert [type(each) for each in results] == [UnprocessableImageError, UnsupportedTypeError]


def test_a_batch_is_fitted_as_it_was_asked_for(cnn: Model) -> None:
    wide = encoded(Image.open(data.BOOT).resize((60, 40)), "PNG")
    results = anyio.run(Classifier(Settings()).batch, cnn, [wide, BOOT], "garment")
    assert results == [predict(cnn, [decode(each, "garment", 10_000)], "garment")[0] for each in (wide, BOOT)]


@pytest.mark.parametrize("is_slow", [True, False])
def test_a_slow_model_runs_in_a_thread_and_a_quick_one_does_not(
    predicting: list[threading.Thread], cnn: Model, monkeypatch: pytest.MonkeyPatch, is_slow: bool
) -> None:
    monkeypatch.setattr(cnn, "is_slow", is_slow)
    prediction = anyio.run(Classifier(Settings()).predict, cnn, decode(BOOT, "strict", 784), "strict")
    assert prediction.label == "Ankle boot"
    assert [each is threading.main_thread() for each in predicting] == [not is_slow]


@pytest.mark.parametrize(("limit", "is_slow"), [(0.0, True), (float("inf"), False)])
def test_a_model_is_slow_by_the_time_it_takes(models: Path, monkeypatch: pytest.MonkeyPatch, limit: float, is_slow: bool) -> None:
    monkeypatch.setattr("app.model.SLOW_S", limit)
    assert Model(models / "cnn" / "1", "litert").is_slow is is_slow


@pytest.mark.parametrize("slow_model", [False, True])
def test_each_queue_is_bounded_and_empties(cnn: Model, monkeypatch: pytest.MonkeyPatch, slow_model: bool) -> None:
    monkeypatch.setattr(cnn, "is_slow", True)
    classifier = Classifier(Settings(photo_threads=1, photo_queue=1, slow_queue=1))
    picture = decode(BOOT, "strict", 784)

    async def outcomes(count: int) -> list[str]:
        found = []

        async def attempt() -> None:
            try:
                await (classifier.predict(cnn, picture, "strict") if slow_model else classifier.decode(BOOT, "garment"))
                found.append("answered")
            except OverloadedError:
                found.append("refused")

        async with anyio.create_task_group() as group:
            for _ in range(count):
                group.start_soon(attempt)
        return sorted(found)

    for _ in range(3):  # each round finds an empty queue
        assert anyio.run(outcomes, 5) == ["answered", "answered", "refused", "refused", "refused"]
