"""The shape of every error."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from app.schemas.common import example

PROBLEM_EXAMPLE: dict[str, Any] = {
    "type": "urn:wardrobe:problem:unprocessable-image",
    "title": "Unprocessable image",
    "status": 422,
    "detail": "The image is 27x28 and must be 28x28: resize it, or add fit=garment to have any photo fitted.",
    "request_id": "5f0c7f8e3c3b4b0f8f4f4a5d7c1e2b3a",
}


class Problem(BaseModel):
    """An error as RFC 9457 describes it, `application/problem+json`."""

    model_config = example(PROBLEM_EXAMPLE)

    type: str = Field(description="A URN that names the kind of problem")
    title: str = Field(description="The kind of problem in words")
    status: int = Field(description="The HTTP status")
    detail: str = Field(description="What was wrong this time, and what to do")
    request_id: str = Field(description="The answer's X-Request-ID, to be found in the logs")
