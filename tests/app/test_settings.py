from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from PIL import Image

from app import VERSION
from app.__main__ import environment, main
from app.settings import Settings
from tests import data
from tests.app.folders import paper_models
from tests.conftest import encoded
from tests.server import ROOT, Server


def run(*options: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", *options],
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("options", "settings", "words"),
    [
        ([], {"WARDROBE_PORT": "abc"}, ["WARDROBE_PORT", "'abc'", "valid integer"]),
        (["--port", "99999"], {}, ["WARDROBE_PORT", "'99999'", "65535"]),
        ([], {"WARDROBE_WORKERS": "0"}, ["WARDROBE_WORKERS", "greater than or equal to 1"]),
        ([], {"WARDROBE_RUNTIME": "torch"}, ["WARDROBE_RUNTIME", "'openvino' or 'tensorflow'"]),
        ([], {"WARDROBE_TRUSTED_HOSTS": '["example.org:80"]'}, ["WARDROBE_TRUSTED_HOSTS.0", "'example.org:80'"]),
        ([], {"WARDROBE_TRUSTED_HOSTS": "[]"}, ["WARDROBE_TRUSTED_HOSTS", "at least 1"]),
        ([], {"WARDROBE_MODELS_DIR": "ftp://host/models"}, ["WARDROBE_MODELS_DIR", "'ftp://host/models'", "s3://bucket/path"]),
        ([], {"WARDROBE_MODELS_DIR": "s3://"}, ["WARDROBE_MODELS_DIR", "'s3://'", "s3://bucket/path"]),
        (["--models-dir", "s3://bucket/models"], {"WARDROBE_MODELS_CACHE": "~nobody-here/cache"}, ["~nobody-here/cache", "MODELS_CACHE"]),
        ([], {"WARDROBE_API_KEYS": "nowhere"}, ["WARDROBE_API_KEYS", "there is no file 'nowhere'"]),
        ([], {"WARDROBE_API_KEYS": ""}, ["WARDROBE_API_KEYS", "there is no file '.'"]),
        (["--api-keys", "README.md"], {}, ["WARDROBE_API_KEYS", "line 3 of 'README.md' must be a name and a SHA-256"]),
        ([], {"WARDROBE_REQUIRED_MODELS": "cnn"}, ["required_models"]),
    ],
)
def test_a_wrong_setting_is_named(options: list[str], settings: dict[str, str], words: list[str]) -> None:
    done = run(*options, **settings)
    assert done.returncode == 2
    for word in words:
        assert word in done.stderr
    assert "Traceback" not in done.stderr


def test_main_reports_it_in_process_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", "-1"]) == 2
    assert "WARDROBE_PORT is '-1'" in capsys.readouterr().err


def test_help_describes_every_setting() -> None:
    done = run("--help")
    assert done.returncode == 0
    for name in Settings.model_fields:
        assert f"--{name.replace('_', '-')}" in done.stdout


def test_every_setting_is_described() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name


def test_the_environment_gives_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(port=1234, required_models=("a", "b"), host="::1", trusted_hosts=("::1", "*.Example.org"))
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    assert Settings() == settings


def test_a_port_in_use_ends_with_a_reason() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run("--port", str(taken.getsockname()[1]))
    assert done.returncode != 0
    assert "address already in use" in done.stdout + done.stderr


def test_sigterm_stops_it_cleanly(models: Path) -> None:
    with Server(models_dir=str(models)) as server:
        assert server.stop() in (0, -signal.SIGTERM)
        assert server.logs()[-1]["message"].startswith("Finished server process")


def test_several_workers_serve(models: Path) -> None:
    with Server(models_dir=str(models), workers=2) as server:
        assert server.http.get("/readyz").status_code == 200
        assert server.stop() == 0


def test_the_settings_do_what_they_say(tmp_path: Path) -> None:
    models = paper_models(tmp_path / "models")
    with Server(
        models_dir=str(models), default_model="ann", max_batch=2, max_pixels=1000, max_body_bytes=5000, log_level="warning"
    ) as server:
        boot = data.BOOT.read_bytes()
        assert server.http.post("/predict", files={"file": boot}).json()["model"] == "ann"
        assert server.http.post("/predict/batch", files=[("files", boot)] * 2).status_code == 200
        assert "1 to 2" in server.http.post("/predict/batch", files=[("files", boot)] * 3).json()["detail"]
        large = encoded(Image.new("L", (40, 40)), "PNG")
        assert "more than 1,000 pixels" in server.http.post("/predict?fit=garment", files={"file": large}).json()["detail"]
        assert server.http.post("/predict", content=bytes(5001), headers={"Content-Type": "image/png"}).status_code == 413
        server.stop()
        assert server.logs() == []


def test_uvicorn_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, object] = {}
    monkeypatch.setattr("os.environ", dict(os.environ))
    monkeypatch.setattr("uvicorn.run", lambda _, **options: told.update(options))
    main(["--port", "1234", "--host", "::1", "--workers", "3", "--keep-alive-seconds", "90", "--graceful-shutdown-seconds", "7"])
    expected = {"port": 1234, "host": "::1", "workers": 3, "timeout_keep_alive": 90, "timeout_graceful_shutdown": 7}
    assert {name: told[name] for name in expected} == expected


def test_the_version_is_the_projects() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION
