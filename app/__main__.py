"""`python -m app`: read the settings, start uvicorn."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sys

import uvicorn
from pydantic import ValidationError
from pydantic_settings import CliApp, SettingsError

from app import api_keys, logs, supervisor
from app.settings import Settings, complaints
from app.source import complaint
from app.stopping import leave
from app.tally import tally

TRACING = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")

WORKER_START_S = 30
"""How long the supervisor waits for a new worker before it gives a restart up, and for a sign of life; on a busy machine 5 is too short."""


def main(arguments: list[str] | None = None) -> int:
    """Serve until stopped; exit status 2 for a wrong setting."""
    try:
        settings = CliApp.run(Settings, cli_args=sys.argv[1:] if arguments is None else arguments)
    except (ValidationError, SettingsError) as error:
        for line in complaints(error):
            sys.stderr.write(f"error: {line}; `python -m app --help` lists the settings\n")
        return 2
    if settings.tracing and (absent := [name for name in TRACING if not _is_installed(name)]):
        install = "pip install --no-deps --require-hashes -r requirements/tracing.lock"
        sys.stderr.write(f"error: WARDROBE_TRACING needs {' and '.join(absent)}: `{install}` installs it\n")
        return 2
    if wrong := complaint(settings):
        sys.stderr.write(f"error: WARDROBE_MODELS_DIR: {wrong}\n")
        return 2
    if settings.api_keys:
        try:
            api_keys.read(settings.api_keys)
        except api_keys.BrokenKeysError as error:
            sys.stderr.write(f"error: WARDROBE_API_KEYS: {error}\n")
            return 2
    os.environ.update(environment(settings))  # the factory, in each worker process, reads them there
    supervisor.notice_deaths()
    with tally(settings.workers):
        uvicorn.run(
            "app.main:from_environment",
            factory=True,
            host=settings.host,
            port=settings.port,
            workers=settings.workers,
            http="app.connection:Connection",
            ws="none",
            log_config=logs.config(settings.log_level),
            access_log=False,
            server_header=False,
            timeout_keep_alive=settings.keep_alive_seconds,
            timeout_graceful_shutdown=settings.graceful_shutdown_seconds,
            timeout_worker_healthcheck=WORKER_START_S,
        )
    return 0


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # a package above it is missing
        return False


def environment(settings: Settings) -> dict[str, str]:
    """The settings as environment variables, but for what is not set."""
    values = settings.model_dump(mode="json", exclude_none=True).items()
    return {f"WARDROBE_{name.upper()}": value if isinstance(value, str) else json.dumps(value) for name, value in values}


if __name__ == "__main__":
    # uvicorn sends itself the signal again when it has stopped: an end that was asked for is no failure
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        status = main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    leave(status)
