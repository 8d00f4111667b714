"""What the shapes of several answers share."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

PositiveInt = Annotated[int, Field(ge=1)]


class Open(BaseModel):
    """Later versions of a report add keys; none changes meaning."""

    model_config = ConfigDict(extra="allow")


def example(value: dict[str, Any]) -> ConfigDict:
    """The configuration of a model that shows `value` in the OpenAPI document."""
    return ConfigDict(json_schema_extra={"examples": [value]})
