"""A Ray cluster on this machine: nodes that are processes of their own, as `ray start` makes them, and Wardrobe deployed on them."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from benchmarks.serving.upload import ROOT

BIN = ROOT / "build" / "ray" / "bin"
DEPLOY = ROOT / "deploy" / "ray"
PATIENCE_S = 90
MARK = "WARDROBE_TEST_NODE"
"""In the environment of all processes of a node, whatever starts them."""


@dataclass(frozen=True)
class Machine:
    """Where a node runs: what to put before a command that is to run there, and its address."""

    address: str = "127.0.0.1"
    run: tuple[str, ...] = ()


THIS = Machine()


@dataclass(frozen=True)
class Replica:
    """One that serves."""

    process: int
    node: str


class Cluster:
    """`with Cluster(free_port) as cluster: cluster.add(); cluster.deploy(release, models)`: a head with one processor, and what is added.

    `variables` go into each node's environment, over those of `node.env`; `machine` gives each node, by its name, a place to run. Without
    it all are on this machine, which has each port but once: then only the head has an HAProxy.
    """

    def __init__(self, port: Callable[[], int], machine: Callable[[str], Machine] | None = None, **variables: str) -> None:
        self.port = port()
        self._port = port
        self._machine = machine
        self._machines: dict[str, Machine] = {}
        self._options: dict[str, tuple[str, ...]] = {}
        self._token = secrets.token_hex(32)
        self._gcs, self._dashboard = port(), port()
        names = ("HAPROXY_METRICS_PORT", "HAPROXY_STATS_PORT", "FALLBACK_PROXY_HTTP_PORT", "FALLBACK_PROXY_GRPC_PORT")
        written = (line.partition("=") for line in (DEPLOY / "node.env").read_text().splitlines() if line and not line.startswith("#"))
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("WARDROBE_", "RAY_", "COV"))}
        self._environment = {
            **inherited,
            **{name: value.strip('"') for name, _, value in written},
            **{f"RAY_SERVE_{name}": str(port()) for name in names},
            "RAY_AUTH_TOKEN": self._token,  # otherwise Ray would look whether the user has one
            **variables,
        }
        self.nodes: list[str] = []

    def __enter__(self) -> Self:
        if not BIN.exists():
            raise RuntimeError(f"{BIN.parent} is missing: `make ray` installs it")
        self._folder = tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True)  # a short name: sockets are in it
        self.folder = Path(self._folder.name)
        self._place("head")
        head = {
            "port": self._gcs,
            "dashboard-host": self.address("head"),
            "dashboard-port": self._dashboard,
            "temp-dir": self.folder / "ray",
            "ray-client-server-port": self._port(),
        }
        try:
            self._begin("head", "--head", *(word for name, value in head.items() for word in (f"--{name}", str(value))))
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for node in self.nodes:
            self.kill(node)
        self._folder.cleanup()

    def add(self) -> str:
        """Start one more node with one processor, and return its name."""
        name = f"node-{len(self.nodes)}"
        self._place(name)
        self._begin(name, "--address", f"{self.address('head')}:{self._gcs}")
        return name

    def start(self, node: str) -> None:
        """A node, also one that was killed, as the machine that it was."""
        # of a new head Ray thinks that it runs already: the last one's address is in here, and processes of other nodes name it
        (self.folder / "ray" / "ray_current_cluster").unlink(missing_ok=True)
        self._run("ray", "start", *self._options[node], node=node)

    def kill(self, node: str) -> None:
        """SIGKILL of all its processes at once, as when its machine fails; returns when they are gone."""
        while found := self.processes(node):
            for process in found:
                try:
                    os.kill(process, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            time.sleep(0.01)

    def processes(self, *nodes: str) -> list[int]:
        """Of these nodes, or of all: raylet, agents, replicas, HAProxy."""
        marks = {f"{MARK}={self._gcs}-{node}".encode() for node in nodes or self.nodes}
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if marks & set((process / "environ").read_bytes().split(b"\0")):
                    found.append(int(process.name))
            except OSError:  # ended in between, or another user's
                continue
        return found

    def deploy(self, release: Path, models: Path, settings: Mapping[str, str], scaling: Mapping[str, float], **options: Any) -> None:
        """`serve deploy` of deploy/ray/serve.yaml with this code, these models, more settings, and other options of the deployment."""
        config = yaml.safe_load((DEPLOY / "serve.yaml").read_text())
        config["http_options"]["port"] = self.port
        if not self._machine:
            config["proxy_location"] = "HeadOnly"
            config["http_options"]["host"] = "127.0.0.1"
        [application] = config["applications"]
        variables = {"WARDROBE_MODELS_DIR": str(models), **settings}
        application["runtime_env"] = {"working_dir": release.as_uri(), "env_vars": variables}
        [deployment] = application["deployments"]
        deployment["autoscaling_config"] |= scaling
        deployment |= options
        written, path = yaml.safe_dump(config), self.folder / "serve.yaml"
        if not path.exists() or path.read_text() != written:  # the same again would change nothing
            path.write_text(written)
            self._run("serve", "deploy", "--address", self._address, str(path))

    def status(self) -> dict[str, Any]:
        """What the dashboard says of the application, empty before there is one."""
        asked = urllib.request.Request(f"{self._address}/api/serve/applications/", headers={"Authorization": f"Bearer {self._token}"})
        with urllib.request.urlopen(asked, timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)["applications"].get("wardrobe", {})
        return found

    def replicas(self) -> list[Replica]:
        """Those that run, by what Ray Serve says."""
        rows = self.status().get("deployments", {}).get("Wardrobe", {}).get("replicas", [])
        return [Replica(each["pid"], self._node_of(each["pid"])) for each in rows if each["state"] == "RUNNING"]

    def wait(self, reached: Callable[[], bool]) -> float:
        """Seconds until it is.

        Raises:
            TimeoutError: It is not in time.
        """
        began = time.monotonic()
        while not reached():
            if time.monotonic() - began > PATIENCE_S:
                raise TimeoutError(self.told())
            time.sleep(0.2)
        return time.monotonic() - began

    def settle(self, replicas: int) -> None:
        """Wait until so many serve and all is as it was asked for: no replica comes or goes, and HAProxy sees each."""
        self.wait(lambda: self._is_settled(replicas))

    def logs(self) -> list[dict[str, Any]]:
        """Every log line of every replica so far."""
        lines = [line for path in self._logs.glob("worker-*.out") for line in path.read_text(errors="replace").splitlines(keepends=True)]
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]

    @property
    def _logs(self) -> Path:
        return self.folder / "ray" / "session_latest" / "logs"

    @property
    def _address(self) -> str:
        return f"http://{self.address('head')}:{self._dashboard}"

    def address(self, node: str) -> str:
        return self._machines[node].address

    def url(self, node: str = "head") -> str:
        """Where a node takes requests, if it does."""
        return f"http://{self.address(node)}:{self.port}"

    def _is_settled(self, replicas: int) -> bool:
        try:
            status = self.status()
        except urllib.error.URLError:  # of a head that has just come back
            return False
        if status.get("status") == "DEPLOY_FAILED":
            raise RuntimeError(self.told())
        rows = status.get("deployments", {}).get("Wardrobe", {}).get("replicas", [])
        return status.get("status") == "RUNNING" and [each["state"] for each in rows] == replicas * ["RUNNING"] and self._is_answered()

    def told(self) -> str:
        """What becomes of the application, and why, in a line or two."""
        status = self.status()
        deployment = status.get("deployments", {}).get("Wardrobe", {})
        replicas = [(each["state"], each.get("pid")) for each in deployment.get("replicas", [])]
        return f"{status.get('status')}: {(status.get('message') or '')[-1000:]} {deployment.get('message')} {replicas}"

    def _is_answered(self) -> bool:
        """By every node that should: the head, and where there is an HAProxy on each, those with a replica."""
        entries = {"head", *(each.node for each in self.replicas())} if self._machine else {"head"}
        return all(self.answers(each, "/readyz") for each in entries)

    def answers(self, node: str, path: str) -> bool:
        """Whether by 200."""
        try:
            with urllib.request.urlopen(f"{self.url(node)}{path}", timeout=5):
                return True
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def _node_of(self, process: int) -> str:
        return next((node for node in self.nodes if process in self.processes(node)), "")

    def _place(self, node: str) -> None:
        self._machines[node] = self._machine(node) if self._machine else THIS
        self.nodes.append(node)

    def _begin(self, node: str, *options: str) -> None:
        bounds = ["--num-cpus", "1", "--object-store-memory", str(2**27), "--min-worker-port", "0", "--max-worker-port", "0"]
        agent = ["--dashboard-agent-listen-port", str(self._port())]
        self._options[node] = (*options, "--node-ip-address", self.address(node), *bounds, *agent)
        self.start(node)

    def _run(self, program: str, *options: str, node: str = "") -> None:
        of_node = {MARK: f"{self._gcs}-{node}", **self._haproxy_files(node)} if node else {}
        command = [*(self._machines[node].run if node else ()), BIN / program, *options]
        done = subprocess.run(command, cwd=self.folder, env={**self._environment, **of_node}, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"`{program} {options[0]}` failed: {done.stdout[-3000:]}{done.stderr[-3000:]}")

    def _haproxy_files(self, node: str) -> dict[str, str]:
        files = {
            "CONFIG_FILE_LOC": "cfg",
            "SOCKET_PATH": "sock",
            "SERVER_STATE_FILE": "state",
            "SERVER_STATE_BASE": "",
            "METRICS_SOCKET_PATH": "log",
        }
        return {f"RAY_SERVE_HAPROXY_{name}": str(self.folder / node / file) for name, file in files.items()}
