"""The operator's page knows every failure that the service can report."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.problems import TABLE
from tests.server import ROOT

PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
SEVERE = {"warning", "error", "exception", "critical"}


def logged(path: Path) -> Iterator[str]:
    """What a file may write into the log at a level from warning on."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=level), args=[ast.Constant(value=str(message)), *_]):
                if level in SEVERE:
                    yield message


MESSAGES = sorted({message for path in (ROOT / "app").rglob("*.py") for message in logged(path)})
ALERTS = re.findall(r"alert: (\w+)", (ROOT / "deploy/prometheus/alerts.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("message", MESSAGES)
def test_every_severe_log_line_is_explained(message: str) -> None:
    assert f"`{message}`" in PAGE


@pytest.mark.parametrize(("status", "title"), sorted(set(TABLE.values())))
def test_every_problem_is_explained(status: int, title: str) -> None:
    assert f"| {status} {title} |" in PAGE


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_is_explained(alert: str) -> None:
    assert f"`{alert}`" in PAGE


def test_something_is_looked_for() -> None:
    assert len(MESSAGES) > 5
    assert len(ALERTS) > 5
