"""The Compose file as a Swarm stack on a real engine, and load on it from inside its network."""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import yaml

from tests.docker.conftest import IMAGE, MODELS, ROOT, docker, run, wait_for
from tests.reliability.ledger import Account, Sent, account

Service = dict[str, Any]
ENDS = ("completed", "paused", "rollback_completed", "rollback_paused")
"""Of a rollout, as the engine names them."""


PATIENT = {"interval": "1s", "timeout": "30s", "retries": 10}
"""A health check that a busy machine does not fail: what fails it is stopped at once, whatever it is answering."""
IMPATIENT = {"interval": "1s", "start_period": "1s", "retries": 2}
"""For what is never ready."""


def stack_file(*, order: str = "start-first", check: Service = PATIENT) -> Service:
    """The Compose file, to be tried on one node whose kernel has no IPVS, with another order and another health check.

    The routing mesh and a service's virtual address need IPVS: so no port is published, and the name stands for the addresses of all tasks.
    """
    file: Service = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    app = file["services"]["app"]
    del app["ports"]
    app["healthcheck"] |= check
    app["deploy"]["endpoint_mode"] = "dnsrr"
    for each in ("update_config", "rollback_config"):
        app["deploy"][each] = app["deploy"][each] | {"monitor": "2s", "order": order}
    file["networks"] = {"default": {"driver": "overlay", "attachable": True}}
    return file


class Stack:
    """A stack of its own, gone afterwards."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "stack.yml"
        self._name = f"wardrobe-test-{secrets.token_hex(4)}"
        self._service = f"{self._name}_app"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        run("docker", "stack", "rm", self._name, check=False)
        wait_for(
            "the stack to go", lambda: not self.containers() and self._name not in docker("network", "ls"), lambda: docker("ps", "--all")
        )

    def deploy(self, file: Service, replicas: int, **settings: str) -> None:
        """Deploy it, or scale it, and wait until so many replicas are ready."""
        self._send(file, replicas, settings)
        wait_for(f"{replicas} replicas", lambda: self.running() == replicas, self._explain)

    def roll_out(self, file: Service, replicas: int, **settings: str) -> str:
        """Roll out what is different, wait until it is over, and say how it ended."""
        before = self._update()
        self._send(file, replicas, settings)
        wait_for("the rollout", lambda: self._update().get("StartedAt") not in (None, before.get("StartedAt")), self._explain)
        wait_for("its end", lambda: self._update()["State"] in ENDS and self.running() == replicas, self._explain)
        return str(self._update()["State"])

    def specification(self) -> dict[str, Any]:
        """What the engine was told of the service."""
        return dict(self._inspect()["Spec"])

    def accept(self, path: Path) -> str:
        """Deploy a file as it is, without a task, and say what the engine said."""
        return self._deploy(path, {"WARDROBE_REPLICAS": "0"})

    def _send(self, file: Service, replicas: int, settings: dict[str, str]) -> None:
        self._file.write_text(yaml.safe_dump(file), encoding="utf-8")
        self._deploy(self._file, {"WARDROBE_REPLICAS": str(replicas), **settings})

    def _deploy(self, path: Path, settings: dict[str, str]) -> str:
        env = {"WARDROBE_MODELS": str(MODELS), "WARDROBE_IMAGE": IMAGE, **settings}
        return run("docker", "stack", "deploy", "--resolve-image", "never", "--compose-file", str(path), self._name, env=env).stderr

    def _update(self) -> dict[str, Any]:
        return dict(self._inspect().get("UpdateStatus") or {})

    def _inspect(self) -> dict[str, Any]:
        [found] = json.loads(docker("service", "inspect", self._service))
        return dict(found)

    def _explain(self) -> str:
        return docker("service", "ps", "--no-trunc", self._service)

    def running(self) -> int:
        """Tasks that are ready; until its health check succeeds a task is only starting."""
        return docker("service", "ps", "--filter", "desired-state=running", "--format", "{{.CurrentState}}", self._service).count(
            "Running "
        )

    def containers(self) -> list[str]:
        """Of all tasks, those that have ended too."""
        return docker("ps", "--all", "--quiet", "--filter", f"label=com.docker.stack.namespace={self._name}").split()

    def logs(self) -> list[dict[str, Any]]:
        """All log lines of all tasks."""
        lines = "\n".join(docker("logs", each) for each in self.containers()).splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    @contextmanager
    def load(self) -> Iterator[list[Sent]]:
        """Requests as fast as they are answered, from a container in the stack's network; the list is filled in the end."""
        sent: list[Sent] = []
        given = ["--volume", f"{ROOT}:/repository:ro", "--workdir", "/repository", "--user", "0", "--network", f"{self._name}_default"]
        command = ["docker", "run", "--rm", "--interactive", *given, IMAGE, "python", "-m", "tests.docker.inside", "app"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
            assert client.stdin is not None
            assert client.stdout is not None
            assert client.stdout.readline() == "sending\n"
            yield sent
            client.stdin.close()
            sent.extend(Sent(**each) for each in json.loads(client.stdout.read()))
        assert client.returncode == 0

    def account(self, sent: list[Sent]) -> Account:
        """What became of each request."""
        prefix = sent[0].request_id.rpartition("-")[0]
        return account(sent, self.logs(), f"{prefix}-", frozenset())
