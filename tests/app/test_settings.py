from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from app.__main__ import environment, main
from app.settings import Settings
from tests.server import ROOT, Server


def run(*options: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", *options], cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("options", "settings", "words"),
    [
        ([], {"WARDROBE_PORT": "abc"}, ["WARDROBE_PORT", "'abc'", "valid integer"]),
        (["--port", "99999"], {}, ["WARDROBE_PORT", "'99999'", "65535"]),
        ([], {"WARDROBE_WORKERS": "0"}, ["WARDROBE_WORKERS", "greater than or equal to 1"]),
        ([], {"WARDROBE_RUNTIME": "torch"}, ["WARDROBE_RUNTIME", "'openvino' or 'tensorflow'"]),
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
    settings = Settings(port=1234, required_models=("a", "b"), host="::1")
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


def test_sigterm_stops_it_cleanly(models: object) -> None:
    with Server(models_dir=str(models)) as server:
        server.stop()
        assert server.logs()[-1]["message"].startswith("Finished server process")


def test_several_workers_serve(models: object) -> None:
    with Server(models_dir=str(models), workers=2) as server:
        assert server.http.get("/readyz").status_code == 200
        assert server.stop() == 0
