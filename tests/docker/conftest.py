"""The Compose file on a real engine, in projects of their own: whatever a test starts is gone afterwards."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from tests.reliability.conftest import pytest_runtest_makereport, record, soak  # noqa: F401  # for pytest, by name

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "models"
BASE = "python:3.11-slim-bookworm"
IMAGE = "wardrobe"
TRAIN_IMAGE = "wardrobe-train"
REVISION = "docker-test"
NO_ENGINE = (
    "these tests need Docker with Compose v2: start it, or run `../shared/docker/engine up` and `../shared/docker/engine base` as root"
)
PATIENCE = 120
"""Seconds after which waiting is given up; nothing is expected to take a certain time."""


def run(*command: str, env: dict[str, str] | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
    """A finished command; with `check`, a failing one fails the test with all that it printed."""
    done = subprocess.run(command, cwd=ROOT, env=os.environ | (env or {}), capture_output=True, text=True, check=False)
    if check and done.returncode:
        pytest.fail(f"`{' '.join(command)}` exited with {done.returncode}\n{done.stdout}\n{done.stderr}", pytrace=False)
    return done


def docker(*arguments: str) -> str:
    """What a docker command printed."""
    return run("docker", *arguments).stdout.strip()


def wait_for(what: str, reached: Callable[[], bool], explain: Callable[[], str]) -> None:
    """Return once `reached`."""
    deadline = time.monotonic() + PATIENCE
    while not reached():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {PATIENCE} s for {what}\n{explain()}", pytrace=False)
        time.sleep(0.2)


class Project:
    """A Compose project of its own on a free port, with `models` mounted."""

    def __init__(self, models: Path, **settings: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._name = f"wardrobe-test-{secrets.token_hex(4)}"
        self.env = {"WARDROBE_MODELS": str(models), "WARDROBE_PORT": str(self.port), "WARDROBE_REVISION": REVISION, **settings}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self("down", "--volumes", "--timeout", "5", check=False)

    def __call__(self, *arguments: str, check: bool = True) -> str:
        """What `docker compose …` printed."""
        return run(*self.command, *arguments, env=self.env, check=check).stdout

    @property
    def command(self) -> tuple[str, ...]:
        return ("docker", "compose", "--project-name", self._name)

    def up(self) -> App:
        """Start the service and wait until it is healthy."""
        if run(*self.command, "up", "--wait", "app", env=self.env, check=False).returncode:
            pytest.fail(f"the service did not become healthy\n{self('ps', '--all')}\n{self('logs')}", pytrace=False)
        return App(self)


class App:
    """The running `app` service of a project."""

    def __init__(self, project: Project) -> None:
        self.container = project("ps", "--quiet", "app").strip()
        self.port = project.port
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{project.port}", timeout=30, trust_env=False)

    def inspect(self) -> dict[str, Any]:
        [found] = json.loads(docker("inspect", self.container))
        return dict(found)

    def logs(self) -> str:
        return docker("logs", self.container)

    def python(self, code: str) -> Any:
        """What `code`, run inside the container as its user, prints as JSON."""
        return json.loads(docker("exec", self.container, "python", "-c", code))


@contextmanager
def running(models: Path, **settings: str) -> Iterator[App]:
    """The service on `models`, and nothing left of it afterwards."""
    with Project(models, **settings) as project:
        app = project.up()
        with app.client:
            yield app


@pytest.fixture(scope="session")
def engine() -> None:
    """A Docker engine, or a failure that says how to get one."""
    for command in (["docker", "info"], ["docker", "compose", "version"]):
        try:
            failed = subprocess.run(command, capture_output=True, check=False).returncode != 0
        except FileNotFoundError:
            failed = True
        if failed:
            pytest.fail(f"`{' '.join(command)}` does not answer: {NO_ENGINE}", pytrace=False)


@pytest.fixture(scope="session")
def images(engine: None) -> None:
    """Both images, built by the Compose file, and their base, to compare with."""
    if run("docker", "image", "inspect", BASE, check=False).returncode:
        docker("pull", BASE)
    Project(MODELS)("--profile", "train", "build")


@pytest.fixture(scope="session")
def app(images: None) -> Iterator[App]:
    """The service with the committed models."""
    with running(MODELS) as app:
        yield app
