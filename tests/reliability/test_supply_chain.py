"""Every package is locked by hash, known vulnerabilities are found, and the bill of materials lists what is served."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from supply_chain import audit, sbom
from supply_chain.locks import LOCKS, SERVE, read
from tests.reliability.conftest import Record
from tests.server import ROOT

HASH = "--hash=sha256:" + "0" * 64
ADVISORY = {
    "id": "PYSEC-2023-175",
    "aliases": ["CVE-2023-4863"],
    "summary": "Pillow bundles a libwebp that writes beyond a buffer.",
    "affected": [
        {"package": {"name": "pillow", "ecosystem": "PyPI"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"fixed": "10.0.1"}]}]},
    ],
}
OLD = f"pillow==9.5.0 {HASH}\nidna==3.20 {HASH}\n"


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem if lock.parent.name == "requirements" else lock.parent.name)
def test_every_package_is_one_version_with_its_hashes_and_no_address(lock: Path) -> None:
    assert read(lock)
    assert not re.search(r"://|^\s*-|@ ", re.sub(r"--hash=\S+", "", lock.read_text()), re.MULTILINE)


@pytest.mark.parametrize(
    "entry",
    [
        "pillow==13.0.0",
        f"pillow {HASH}",
        f"pillow>=13 {HASH}",
        f"pillow==13.* {HASH}",
        "pillow==13.0.0 --hash=md5:00",
        f"pillow @ https://example.org/pillow.whl {HASH}",
        f"--index-url https://example.org/simple\npillow==13.0.0 {HASH}",
    ],
)
def test_anything_else_is_refused(tmp_path: Path, entry: str) -> None:
    (lock := tmp_path / "some.lock").write_text(entry)
    with pytest.raises(ValueError, match=r"is not a package at one version|Expected|Invalid"):
        read(lock)


def test_nothing_is_installed_without_hashes() -> None:
    """But pip's own tools for developers, and the checkout itself."""
    lines = [line.strip() for each in ("Dockerfile", "Makefile") for line in (ROOT / each).read_text().splitlines()]
    installs = [line for line in lines if "pip install" in line]
    loose = [each for each in installs if "--require-hashes" not in each]
    assert len(installs) > len(loose)
    assert all(re.search(r"--editable \.|install -q uv$", each) for each in loose), loose


def test_the_base_image_is_one_argument() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    [base] = re.findall(r"^ARG BASE=(\S+)$", dockerfile, re.MULTILINE)
    assert re.fullmatch(r"python:3\.11-slim-bookworm(@sha256:[0-9a-f]{64})?", base)
    stages = set(re.findall(r"^FROM \S+ AS (\w+)$", dockerfile, re.MULTILINE))
    assert set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)) - stages == {"${BASE}"}


@contextmanager
def database(vulnerable: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    """A stand-in for the OSV database, which knows these packages' vulnerabilities by name, and every other as without."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = vulnerable.get(asked["package"]["name"])
            content = json.dumps({"vulns": found} if found else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()


def audited(lock: Path, address: str, *options: str) -> tuple[int, str]:
    """Exit status and output."""
    environment = os.environ | {"PIP_AUDIT_OSV_URL": address, "NO_PROXY": "127.0.0.1"}
    command = [sys.executable, "-m", "supply_chain.audit", "--service", "osv", *options, str(lock)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_a_known_vulnerability_fails_the_audit(tmp_path: Path, record: Record) -> None:
    (lock := tmp_path / "old.lock").write_text(OLD)
    with database({"pillow": [ADVISORY]}) as address:
        status, printed = audited(lock, address, "--unasked-allowed")
    said = printed.splitlines()[0].replace(str(lock), lock.name)
    record("Supply chain: a vulnerable package is locked", "the audit fails and names it", f"exit status {status}: {said}")
    assert status == 1
    assert "VULNERABLE: pillow 9.5.0" in printed
    assert "PYSEC-2023-175, CVE-2023-4863; fixed in 10.0.1" in printed
    assert "0 NOT ASKED ABOUT" in printed


def test_without_one_it_passes(tmp_path: Path) -> None:
    (lock := tmp_path / "old.lock").write_text(OLD)
    with database({}) as address:
        status, printed = audited(lock, address)
    assert (status, printed.splitlines()[-1]) == (0, "2 packages in 1 lock files: 0 known vulnerabilities, 0 NOT ASKED ABOUT")


@pytest.mark.parametrize(("options", "expected"), [((), 2), (("--unasked-allowed",), 0)])
def test_it_never_passes_in_silence(tmp_path: Path, options: tuple[str, ...], expected: int) -> None:
    (lock := tmp_path / "old.lock").write_text(OLD)
    status, printed = audited(lock, "http://127.0.0.1:9/v1/query", *options)
    assert status == expected
    assert "osv: asked about 0 of 2 packages: no answer" in printed
    assert "NOT ASKED ABOUT, so nothing is known of them here: idna 3.20, pillow 9.5.0" in printed


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    return sbom.bill()


def test_the_bill_lists_every_package_served_with_its_hashes(bill: dict[str, Any], record: Record) -> None:
    listed = {
        (each["name"].lower().replace("_", "-"), each["version"]): {
            f"sha256:{hashed['content']}" for reference in each["externalReferences"] for hashed in reference.get("hashes", [])
        }
        for each in bill["components"]
        if each["type"] == "library"
    }
    record("Supply chain: bill of materials", "every package of serve.lock and every model's files, with hashes", f"{len(listed)} packages")
    assert listed == {(pin.name, pin.version): set(pin.hashes) for pin in read(SERVE)}


def test_the_bill_lists_every_models_files(bill: dict[str, Any], models: Path) -> None:
    listed = {
        f"{model['name']}/{model['version']}": {file["name"]: file["hashes"][0]["content"] for file in model["components"]}
        for model in bill["components"]
        if model["type"] == "machine-learning-model"
    }
    stored = {path.parent: json.loads(path.read_bytes())["sha256"] for path in models.glob("*/*/manifest.json")}
    assert listed == {path.relative_to(models).as_posix(): files for path, files in stored.items()}


def test_a_bill_that_breaks_the_schema_is_refused(bill: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"does not follow CycloneDX 1\.6"):
        sbom.validated({**bill, "components": [{"type": "no such type", "name": "model"}]})


def test_what_a_service_does_not_know_counts_as_not_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    said = [{"name": "idna", "version": "3.20", "vulns": []}, {"name": "pillow", "skip_reason": "not found"}]
    monkeypatch.setattr(audit, "_pip_audit", lambda *_: (said, ""))
    assert audit.ask("pypi", [("idna", "3.20"), ("pillow", "9.5.0")]) == ({("idna", "3.20"): []}, ": it does not know the rest")
