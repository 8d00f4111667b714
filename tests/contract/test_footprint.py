"""What a worker takes, and whom it talks to."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from tests import data
from tests.app.folders import LOADED
from tests.conftest import png
from tests.server import ROOT, Server

RESIDENT_LIMIT = 128 * 1024 * 1024


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_worker_with_every_model_stays_small(models: Path) -> None:
    images, _ = data.load()
    batch = [("files", png(image)) for image in images[:256, ..., 0]]
    # coverage would count as the worker's memory
    clean = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    with Server(models_dir=str(models), environment=clean) as server:
        for name, version in LOADED:
            assert server.http.post(f"/predict?model={name}&version={version}", files={"file": batch[0][1]}).status_code == 200
            assert server.http.post(f"/predict/batch?model={name}&version={version}", files=batch).status_code == 200
            assert server.http.post(f"/explain?model={name}&version={version}", files={"file": batch[0][1]}).status_code == 200
        assert resident_bytes(server.process.pid) <= RESIDENT_LIMIT


def test_openvinos_telemetry_is_not_installed() -> None:
    assert importlib.util.find_spec("openvino_telemetry") is None


def test_serving_connects_to_nobody(models: Path, tmp_path: Path) -> None:
    """An audit hook in the server's own process reports every outgoing connection and look-up."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "def hook(event, arguments):\n"
        "    if event in ('socket.connect', 'socket.sendto', 'socket.getaddrinfo', 'socket.gethostbyname', 'subprocess.Popen'):\n"
        "        open(os.environ['AUDIT'], 'a').write(f'{event} {arguments[1:]}\\n')\n"
        "sys.addaudithook(hook)\n"
    )
    audit = tmp_path / "audit.txt"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "AUDIT": str(audit)}
    subprocess.run(
        [sys.executable, "-c", "import socket; s = socket.socket(); s.settimeout(1); s.connect_ex(('127.0.0.1', 1))"],
        env=environment,
        check=True,
    )
    assert "socket.connect" in audit.read_text()  # the hook sees what it should
    audit.unlink()
    with Server(models_dir=str(models), environment=environment) as server:
        assert server.http.post("/compare", files={"file": data.BOOT.read_bytes()}).status_code == 200
        assert server.http.get("/readyz").status_code == 200
    seen = audit.read_text().splitlines() if audit.exists() else []
    own = [line for line in seen if "127.0.0.1" in line or "'localhost'" in line]  # asyncio resolves the address it listens on
    assert [line for line in seen if line not in own] == []


def test_no_file_names_a_registry_or_a_download_address() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    hosts = ["pypi" + ".org", "python" + "hosted", "registry." + "npmjs", "deb." + "debian"]
    for name in filter(None, listed):
        content = (ROOT / name).read_bytes().decode(errors="ignore")
        assert not [host for host in hosts if host in content], name
