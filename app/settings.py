"""Everything an operator can set, from `WARDROBE_…` environment variables or `python -m app --…` options."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

Host = Annotated[str, StringConstraints(to_lower=True, pattern=r"^(\*|(\*\.)?[\w-]+(\.[\w-]+)*|[\da-f]*:[\da-f:.]*:[\da-f.]*)$")]
"""A host's name or address without a port, `*.` and a domain for every name below it, or `*`."""

ADDRESS = re.compile(r"(s3|gs|az)://[^/?#]+(/[^?#]*)?")
"""Of a folder in an object store: of S3 or what speaks its protocol, Google Cloud Storage, Azure Blob Storage."""


def _place(given: object) -> object:
    """A folder's path, or an address as the text that it is.

    Raises:
        ValueError: It is an address of something else.
    """
    if isinstance(given, str) and "://" in given:
        if not ADDRESS.fullmatch(given):
            raise ValueError("an address is s3://bucket/path, gs://bucket/path or az://container/path")
        return given
    return Path(given) if isinstance(given, str) else given


Place = Annotated[Path | str, BeforeValidator(_place)]


class Settings(BaseSettings):
    """Settings of the service; each is the environment variable of the same name with the prefix `WARDROBE_`."""

    model_config = SettingsConfigDict(
        env_prefix="WARDROBE_", use_attribute_docstrings=True, cli_prog_name="python -m app", cli_kebab_case=True
    )

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 is every interface, as the container sets it."""

    port: int = Field(default=8000, ge=0, le=65535)
    """TCP port to listen on; 0 takes a free one, named in the log."""

    workers: int = Field(default=1, ge=1, le=64)
    """Processes that serve; each loads its own copy of the models. One per core is plenty."""

    api_keys: Path | None = None
    """File of the keys that open the service, by `wardrobe key NAME`, read again when it changes; without one everybody may come in."""

    trusted_hosts: tuple[Host, ...] = Field(default=("*",), min_length=1)
    """Host names to answer to, without ports; `*.example.org` is every name below it. A JSON list. Probes are answered by any name."""

    models_dir: Place = Path("models")
    """Folder of the published models, `<name>/<version>/`, or its address in an object store: `s3://bucket/path`, `gs://…`, `az://…`."""

    models_cache: Path = Path("~/.cache/wardrobe")
    """Folder for what is fetched from an object store: 5 MB a version and more, kept for the next start."""

    required_models: tuple[str, ...] = ("ann", "cnn")
    """Models without which the service is not ready; others in the folder are served too. A JSON list."""

    default_model: str = "cnn"
    """Model that answers when a request names none."""

    versions_per_model: int = Field(default=2, ge=1, le=16)
    """How many of a model's highest intact versions are loaded; the highest is the default one."""

    pinned_versions: dict[str, int] = {}
    """Versions that serve instead of the highest, by model: `{"cnn": 1}` is a rollback. A JSON object."""

    reload_seconds: float = Field(default=5, ge=0, allow_inf_nan=False)
    """How often the models folder is looked at for what was published or removed; 0 is only at the start."""

    runtime: Literal["litert", "openvino", "tensorflow"] = "litert"
    """Engine that executes the models; `openvino` and `tensorflow`, the reference, read the SavedModel and are installed separately."""

    max_body_bytes: int = Field(default=16 * 1024 * 1024, ge=1024)
    """Largest accepted request body in bytes; a larger one is answered with 413."""

    max_pixels: int = Field(default=50_000_000, ge=784)
    """Largest accepted photo in pixels, width times height, read from its header; a larger one is answered with 422."""

    max_tensor_bytes: int = Field(default=40 * 1024 * 1024, ge=1024)
    """Largest accepted request body under `/v1` and `/v2` in bytes, compressed or not; 10,000 images are 8 MB, as JSON up to 36."""

    max_tensor_batch: int = Field(default=16384, ge=1)
    """Most images in one request under `/v1` and `/v2`."""

    max_batch: int = Field(default=256, ge=1, le=4096)
    """Most images in one `/predict/batch` request."""

    photo_threads: int = Field(default=2, ge=1, le=64)
    """Threads that decode photos and batches, so that these do not hold up small images."""

    photo_queue: int = Field(default=16, ge=0)
    """Photos and batches that may wait for a thread; one more is answered with 429."""

    slow_queue: int = Field(default=64, ge=0)
    """Images that may wait for a model too slow for the event loop; one more is answered with 429."""

    max_concurrency: int = Field(default=256, ge=1)
    """Requests that each worker has in hand at once; one more is answered with 429. Probes and figures are exempt."""

    request_seconds: float = Field(default=30, gt=0)
    """How long a request may wait for a thread and be worked on there, from its head; then it is answered with 503."""

    watchdog_seconds: float = Field(default=10, ge=0)
    """A worker whose event loop stands still for so long, as while a model on it hangs, is ended to be started anew; 0 is never."""

    keep_alive_seconds: int = Field(default=75, ge=1)
    """How long a connection may idle between two requests: longer than load balancers wait, 60 s, so that none sends into a closed one."""

    head_seconds: int = Field(default=10, ge=1)
    """How long a request's head may take, on a new connection from its beginning; then the connection is closed."""

    min_bytes_per_second: int = Field(default=1000, ge=1)
    """Least speed of a client's upload, and of its reading of an answer: a slower upload is answered with 408, a slower reader cut off."""

    slack_seconds: int = Field(default=10, ge=1)
    """How long a client may be slower than that or silent, once in between; any faster seconds make up for it, up to this."""

    max_connections: int = Field(default=1000, ge=1)
    """Most connections of a worker; for one more, one that keeps the worker waiting is closed: of the most numerous kind the oldest."""

    max_held_bytes: int = Field(default=128 * 1024 * 1024, ge=1024)
    """Most bytes of request bodies that a worker holds at once, whatever they are sent for; beyond it a request is answered with 429."""

    drain_seconds: float = Field(default=1, ge=0)
    """How long a worker goes on after SIGTERM, not ready and closing connections with their answers: until load balancers see it."""

    graceful_shutdown_seconds: int = Field(default=20, ge=0)
    """How long requests in flight may take to finish after that."""

    tracing: bool = False
    """Whether each request is a span of OpenTelemetry, installed separately; its own `OTEL_…` variables say where they go."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe log lines to write; `info` has one line per request."""


def complaints(error: ValidationError | SettingsError) -> list[str]:
    """What is wrong with the settings, a sentence for each."""
    if isinstance(error, SettingsError):
        return [str(error)]
    return [f"WARDROBE_{'.'.join(map(str, each['loc'])).upper()} is {each['input']!r}: {each['msg']}" for each in error.errors()]
