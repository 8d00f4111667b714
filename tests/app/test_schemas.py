from __future__ import annotations

import importlib
import pkgutil

import pytest
from pydantic import BaseModel

from app import schemas
from app.schemas.metrics import METRICS_EXAMPLE, Metrics
from app.schemas.report import ModelMetrics


def shapes() -> list[type[BaseModel]]:
    modules = [importlib.import_module(f"{schemas.__name__}.{each.name}") for each in pkgutil.iter_modules(schemas.__path__)]
    found = {value for module in modules for value in vars(module).values() if isinstance(value, type) and issubclass(value, BaseModel)}
    return sorted(found - {BaseModel}, key=lambda shape: shape.__name__)


@pytest.mark.parametrize("shape", shapes())
def test_it_is_described_and_its_example_is_one(shape: type[BaseModel]) -> None:
    assert shape.__doc__
    for example in shape.model_json_schema().get("examples", []):
        assert shape.model_validate(example).model_dump(exclude_unset=True) == example


def test_the_example_of_metrics_has_no_key_that_is_not_described() -> None:
    metrics = Metrics.model_validate(METRICS_EXAMPLE)
    assert undescribed(metrics) == []


def test_what_was_not_measured_is_left_out() -> None:
    """Versions published before have fewer keys, and their answer says nothing of the others; what is stored as null stays."""
    old = {key: METRICS_EXAMPLE["models"]["cnn"][key] for key in ("version", "parameters", "train", "test")}
    assert ModelMetrics.model_validate({**old, "paper": None}).model_dump(exclude_unset=True) == {**old, "paper": None}


def undescribed(value: object, path: str = "") -> list[str]:
    """The keys that came with the value and are no field of its shape."""
    if isinstance(value, BaseModel):
        own = [f"{path}.{key}" for key in value.model_extra or ()]
        return own + [each for key, inner in value for each in undescribed(inner, f"{path}.{key}")]
    if isinstance(value, dict):
        return [each for key, inner in value.items() for each in undescribed(inner, f"{path}.{key}")]
    if isinstance(value, list):
        return [each for index, inner in enumerate(value) for each in undescribed(inner, f"{path}[{index}]")]
    return []
