"""The answers of `/healthz` and `/readyz`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from app.schemas.common import example


class Health(BaseModel):
    """The process lives."""

    model_config = example({"status": "ok"})

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Every required model answers its golden images."""

    model_config = example({"status": "ready", "models": {"ann": 1, "cnn": 1}})

    status: Literal["ready"] = "ready"
    models: dict[str, int] = Field(description="The served version of each model, required or not")
