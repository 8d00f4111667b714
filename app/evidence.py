"""The answer of `GET /metrics`, ready to send."""

from __future__ import annotations

from collections.abc import Sequence

from app.model import Model
from app.schemas.comparison import Comparison
from app.schemas.metrics import Metrics


def evidence(models: Sequence[Model], comparison: Comparison | None) -> bytes:
    """The stored evaluation of these versions as JSON, UTF-8, with exactly the keys that were stored."""
    answer = Metrics(
        dataset=models[0].report.dataset if models else None,
        models={model.name: model.report for model in models},
        comparison=comparison,
    )
    return answer.model_dump_json(exclude_unset=True).encode()
