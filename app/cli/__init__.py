"""The `wardrobe` command. Its libraries are the optional extra `cli`: nothing else in `app` imports them, or this package."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command that the arguments name, and exit with its status."""
    try:
        from app.cli.commands import commands
    except ModuleNotFoundError as error:
        sys.exit(f"error: {error.name} is not installed in this environment: `make serve` installs it, from requirements/cli.lock")
    commands(prog_name="wardrobe")
