"""Who takes part: how each is started, and what it is sent."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.serving.upload import Body

PEERS = "benchmarks.peers"


@dataclass(frozen=True)
class Contestant:
    """A server as one command; `{python}` is its environment's interpreter, `{bin}` the folder of its programs, `{port}` the port."""

    name: str
    title: str
    command: tuple[str, ...]
    environment: str | None
    """Of `benchmarks/peers/requirements`; none: the one that runs the benchmark."""
    body: Body = "multipart"
    path: str = "/predict"
    variables: dict[str, str] = field(default_factory=dict)
    ceiling: bool = False
    """It only looks as if it classified."""


OURS = ("{python}", "-m", "app", "--port", "{port}")

CONTESTANTS = (
    Contestant("wardrobe", "Wardrobe", OURS, None, path="/predict?model=cnn"),
    Contestant("wardrobe-raw", "Wardrobe, PNG as the body", OURS, None, body="raw", path="/predict?model=cnn"),
    Contestant(
        "fastapi-savedmodel",
        "FastAPI + tf.saved_model.load",
        ("{bin}/uvicorn", f"{PEERS}.fastapi_savedmodel:app", "--port", "{port}", "--no-access-log"),
        "tensorflow",
    ),
    Contestant(
        "fastapi-keras",
        "FastAPI + Keras model.predict",
        ("{bin}/uvicorn", f"{PEERS}.fastapi_keras:app", "--port", "{port}", "--no-access-log"),
        "tensorflow",
    ),
    Contestant("litserve", "LitServe + LiteRT", ("{python}", "-m", f"{PEERS}.litserve_api", "{port}"), "litserve"),
    Contestant(
        "bentoml",
        "BentoML + LiteRT",
        ("{bin}/bentoml", "serve", f"{PEERS}.bentoml_service:Cnn", "--port", "{port}", "--api-workers", "1"),
        "bentoml",
        variables={"BENTOML_DO_NOT_TRACK": "True"},
    ),
    Contestant(
        "mlserver",
        "MLServer + LiteRT",
        ("{bin}/mlserver", "start", "benchmarks/peers/mlserver_model"),
        "mlserver",
        variables={"MLSERVER_HTTP_PORT": "{port}"},
    ),
    Contestant(
        "ray-serve",
        "Ray Serve (HAProxy) + LiteRT",
        ("{python}", "-m", f"{PEERS}.ray_serve", "{port}"),
        "ray",
        variables={"RAY_SERVE_ENABLE_HA_PROXY": "1", "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1", "RAY_USAGE_STATS_ENABLED": "0"},
    ),
    Contestant(
        "ceiling-stack",
        "Wardrobe without decoding or inference",
        ("{bin}/uvicorn", "benchmarks.peers.ceiling_stack:app", "--factory", "--port", "{port}", "--no-access-log"),
        None,
        path="/predict?model=cnn",
        ceiling=True,
    ),
    Contestant(
        "ceiling-empty",
        "uvicorn + FastAPI, an empty POST",
        ("{bin}/uvicorn", "benchmarks.peers.ceiling_empty:app", "--port", "{port}", "--no-access-log"),
        None,
        body="empty",
        ceiling=True,
    ),
)
