"""`docker compose up` and `docker compose run --rm train`, on a real engine, as a user runs them."""

from __future__ import annotations

import base64
import errno
import io
import json
import os
import re
import socket
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from app.manifest import verify
from app.settings import Settings
from tests import data
from tests.app.folders import NEWEST
from tests.docker.conftest import BASE, IMAGE, MODELS, REVISION, TRAIN_IMAGE, App, Project, docker, running, wait_for
from tests.server import ROOT

LABELS = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
CONTAINERS_OWN = {"host", "port", "models_dir", "models_cache", "runtime"}
"""Settings that belong to the image, not to who runs it: it has one runtime, one folder and one port."""


def version_folder(models: Path, model: str) -> Path:
    """The highest version of a model."""
    return max((each for each in (models / model).iterdir() if each.name.isdecimal()), key=lambda each: int(each.name))


def golden(folder: Path, label: str) -> dict[str, Any]:
    """The stored test image of a class with TensorFlow's probabilities."""
    images = json.loads((folder / "golden.json").read_text())["images"]
    [found] = [each for each in images if each["label"] == label]
    return dict(found)


def encoded(image: dict[str, Any], kind: str) -> bytes:
    """A stored test image as a file."""
    content = io.BytesIO()
    Image.frombytes("L", (28, 28), base64.b64decode(image["pixels"])).save(content, kind, lossless=True)
    return content.getvalue()


def assert_answers(app: App, folder: Path, model: str, label: str) -> None:
    """The service gives the probabilities that TensorFlow gave, and their class."""
    image = golden(folder, label)
    answer = app.client.post("/predict", params={"model": model}, files={"file": ("image.png", encoded(image, "PNG"), "image/png")})
    assert answer.status_code == 200, answer.text
    stored = dict(zip(LABELS, image["probabilities"], strict=True))
    assert answer.json()["probabilities"] == pytest.approx(stored, abs=1e-4)
    assert answer.json()["label"] == max(stored, key=lambda each: stored[each])


def size(image: str) -> int:
    return int(docker("image", "inspect", "--format", "{{.Size}}", image))


@pytest.mark.usefixtures("images")
def test_image_adds_at_most_250_mb_to_its_base() -> None:
    assert size(IMAGE) - size(BASE) <= 250_000_000


@pytest.mark.usefixtures("images")
def test_image_has_no_tensorflow_and_nothing_to_build_or_install_with() -> None:
    unwanted = ["tensorflow", "keras", "pip", "setuptools", "openvino"]
    code = f"from importlib.util import find_spec; print([name for name in {unwanted} if find_spec(name)])"
    assert docker("run", "--rm", IMAGE, "python", "-c", code) == "[]"
    assert docker("run", "--rm", IMAGE, "sh", "-c", "command -v gcc cc make curl; ls /opt/venv/bin | grep pip; true") == ""


@pytest.mark.usefixtures("images")
def test_image_holds_no_models_and_no_more_of_the_repository_than_the_service() -> None:
    assert docker("run", "--rm", IMAGE, "ls", "-A", "/srv").split() == ["app"]
    assert docker("run", "--rm", "--entrypoint", "ls", TRAIN_IMAGE, "-A", "/srv").split() == ["training"]


@pytest.mark.usefixtures("engine")
def test_compose_passes_every_setting_on() -> None:
    names = {f"WARDROBE_{name.upper()}" for name in Settings.model_fields.keys() - CONTAINERS_OWN}
    service = json.loads(Project(MODELS, **dict.fromkeys(names, "given"))("config", "--format", "json"))["services"]["app"]
    assert service["environment"] == dict.fromkeys(names, "given")


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("model", ["ann", "cnn"])
def test_answers_as_tensorflow_did(app: App, model: str, label: str) -> None:
    assert_answers(app, version_folder(MODELS, model), model, label)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP"])
def test_decodes_every_accepted_type(app: App, kind: str) -> None:
    content = encoded(golden(version_folder(MODELS, "cnn"), "Trouser"), kind)
    for fit in ("strict", "garment"):
        answer = app.client.post("/predict", params={"fit": fit}, content=content, headers={"Content-Type": f"image/{kind.lower()}"})
        assert answer.status_code == 200, answer.text


def test_metrics_are_the_reports(app: App) -> None:
    served = app.client.get("/metrics").json()["models"]
    stored = {model: json.loads((version_folder(MODELS, model) / "report.json").read_text())["test"] for model in NEWEST}
    assert {model: report["test"] for model, report in served.items()} == stored


@pytest.mark.parametrize("path", ["index.html", "static/page.js", "static/gallery.png", "static/vendor/plot/plot.umd.min.js"])
def test_the_page_is_in_the_image(app: App, path: str) -> None:
    answer = app.client.get(f"/{path}".removesuffix("index.html"))
    assert answer.status_code == 200
    assert answer.content == (ROOT / "app" / "web" / path).read_bytes()


def test_the_mistakes_are_beside_the_models(app: App) -> None:
    assert app.client.get("/mistakes").content == (MODELS / "mistakes.json").read_bytes()
    assert app.client.get("/mistakes/sprite").content == (MODELS / "mistakes.png").read_bytes()


def test_runs_without_root_capabilities_or_new_privileges(app: App) -> None:
    status = dict(line.split(":\t", 1) for line in app.python("import json; print(json.dumps(open('/proc/1/status').read().splitlines()))"))
    assert {status[key] for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"
    assert status["Uid"].split() == status["Gid"].split() == ["10001"] * 4


def test_service_is_the_first_process(app: App) -> None:
    """Whoever is process 1 gets SIGTERM."""
    assert app.python("import json; print(json.dumps(open('/proc/1/cmdline').read().split(chr(0))))")[1:3] == ["-m", "app"]


@pytest.mark.parametrize("folder", ["/", "/srv", "/opt/venv", "/home", "/models", "/models/cnn"])
def test_file_system_is_read_only(app: App, folder: str) -> None:
    """Tried as root, so that it is not mere permissions that refuse."""
    code = f"import os\ntry: os.mkdir({folder + '/new'!r})\nexcept OSError as error: print(error.errno)\nelse: print(0)"
    assert docker("exec", "--user", "0", app.container, "python", "-c", code) == str(errno.EROFS)


def test_limits_are_in_force(app: App) -> None:
    host = app.inspect()["HostConfig"]
    assert host["Memory"] > 0
    assert host["PidsLimit"] > 0
    assert host["RestartPolicy"]["Name"] == "unless-stopped"


@pytest.mark.usefixtures("images")
def test_stop_lets_the_request_in_flight_finish() -> None:
    content = encoded(golden(version_folder(MODELS, "cnn"), "Bag"), "PNG")
    with Project(MODELS) as project:
        app = project.up()
        with socket.create_connection(("127.0.0.1", app.port), timeout=60) as connection:
            head = [
                "POST /predict HTTP/1.1",
                "Host: wardrobe",
                "Content-Type: image/png",
                f"Content-Length: {len(content)}",
                "Expect: 100-continue",
            ]
            connection.sendall("\r\n".join([*head, "", ""]).encode())
            assert connection.recv(1024).startswith(b"HTTP/1.1 100 "), "the service did not begin to read the body"
            with subprocess.Popen([*project.command, "stop", "app"], env=os.environ | project.env, stderr=subprocess.DEVNULL) as stop:
                wait_for("the shutdown to begin", lambda: "Shutting down" in app.logs(), app.logs)
                connection.sendall(content)
                answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200 "), answer
        assert stop.returncode == 0
        # 137 would be the engine's SIGKILL at the end of the grace time
        state = app.inspect()["State"]
        assert (state["Status"], state["ExitCode"]) == ("exited", 0)


@pytest.mark.usefixtures("images")
def test_trains_and_serves_what_it_trained(tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    models.chmod(0o755)
    # Root's files would be root's anyway: then another user is the caller.
    uid, gid = (os.getuid(), os.getgid()) if os.getuid() else (4711, 4712)
    os.chown(models, uid, gid)
    with Project(models, WARDROBE_UID=str(uid), WARDROBE_GID=str(gid)) as project:
        project("run", "--rm", "train", "train", "cnn", "--recipe", "paper", "--limit", "1000", "--epochs", "1", "--output", "/models")

    folder = models / "cnn" / "1"
    assert "saved_model.pb" in verify(folder)
    assert {(each.stat().st_uid, each.stat().st_gid) for each in [models / "cnn", folder, *folder.rglob("*")]} == {(uid, gid)}
    assert json.loads((folder / "card.json").read_text())["code_revision"] == REVISION
    with running(models, WARDROBE_REQUIRED_MODELS='["cnn"]') as app:
        assert app.client.get("/readyz").json()["models"] == {"cnn": 1}
        for label in LABELS:
            assert_answers(app, folder, "cnn", label)


def test_several_workers_count_as_one(images: None) -> None:
    """In files in the only folder that a container may write to."""
    boot = data.BOOT.read_bytes()
    with running(MODELS, WARDROBE_WORKERS="3") as app:
        for _ in range(30):  # each on a connection of its own, which any worker may get
            httpx.post(f"{app.client.base_url}/predict", files={"file": boot}, trust_env=False).raise_for_status()
        counted = re.findall(r'^wardrobe_predictions_total{.*label="Ankle boot".*} (\S+)$', app.client.get("/telemetry").text, re.MULTILINE)
        assert sum(map(float, counted)) == 30
        assert app.python("import glob, json; print(json.dumps(len(glob.glob('/tmp/*/counter_*.db'))))") == 3
