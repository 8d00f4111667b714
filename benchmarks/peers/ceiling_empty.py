"""The least that uvicorn and FastAPI take: an empty POST. `uvicorn benchmarks.peers.ceiling_empty:app`."""

from __future__ import annotations

from fastapi import FastAPI

app = FastAPI()


@app.post("/predict")
async def predict() -> dict[str, str]:
    """Answer with next to nothing."""
    return {}
