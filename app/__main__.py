"""`python -m app`: read the settings, start uvicorn."""

from __future__ import annotations

import os
import sys

import uvicorn
from pydantic import ValidationError
from pydantic_settings import CliApp, SettingsError

from app import logs
from app.main import create_app
from app.settings import Settings


def main(arguments: list[str] | None = None) -> int:
    """Serve until stopped; exit status 2 for a wrong setting."""
    try:
        settings = CliApp.run(Settings, cli_args=sys.argv[1:] if arguments is None else arguments)
    except ValidationError as error:
        for each in error.errors():
            name = str(each["loc"][0]).upper() if each["loc"] else ""
            print(f"error: WARDROBE_{name}={each['input']!r}: {each['msg']}; see `python -m app --help`", file=sys.stderr)
        return 2
    except SettingsError as error:
        print(f"error: {error}; see `python -m app --help`", file=sys.stderr)
        return 2
    options = {
        "host": settings.host,
        "port": settings.port,
        "log_config": logs.config(settings.log_level),
        "access_log": False,
        "server_header": False,
        "timeout_graceful_shutdown": settings.graceful_shutdown_seconds,
    }
    logs.configure(settings.log_level)
    if settings.workers == 1:
        uvicorn.run(create_app(settings), **options)
    else:
        os.environ.update(environment(settings))  # each worker reads its settings anew
        uvicorn.run("app.main:from_environment", factory=True, workers=settings.workers, **options)
    return 0


def environment(settings: Settings) -> dict[str, str]:
    """The settings as environment variables."""
    content = settings.model_dump_json()
    import json

    return {f"WARDROBE_{name.upper()}": value if isinstance(value, str) else json.dumps(value) for name, value in json.loads(content).items()}


if __name__ == "__main__":
    sys.exit(main())
