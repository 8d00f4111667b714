"""A models folder that is broken when the service starts: it lives, serves what is whole, and says what is wrong with the rest.

Long: each file of a version flipped at ten places instead of one.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app.figures import eventually
from tests.app.folders import publish
from tests.data import BOOT
from tests.reliability.conftest import Record
from tests.reliability.folders import UNPRIVILEGED, damages, files, flip, remove
from tests.server import Server
from training.publish import MANIFEST

IMAGE = {"file": BOOT.read_bytes()}
WHOLE = "whole"
ANY = ""
"""A reason: one bit of the manifest can name another file or another digest, or leave no manifest at all."""


def broken_models(source: Path, models: Path, *, places: int) -> dict[str, str]:
    """A whole model, and one for each damage to each file and each stage of a copy: why each is not to be served, by its name."""
    publish(source, models, WHOLE, 1)
    expected = {}
    for name, damage, file in damages(source):
        damage(publish(source, models, name, 1, link=True) / file)
        why = "missing: {}" if damage is remove else "{} differs"
        expected[name] = MANIFEST if file == MANIFEST else why.format(file)
    for place in range(1, places):
        for number, file in enumerate(files(source)):
            name = f"flip-{number}-{place}"
            flip(publish(source, models, name, 1, link=True) / file, place / places)
            expected[name] = ANY if file == MANIFEST else f"{file} differs"
    ordered = files(source)
    for copied in range(0, len(ordered), 5):
        name = f"copied-{copied}"
        folder = publish(source, models, name, 1, link=True)
        for file in ordered[copied:]:
            (folder / file).unlink()
        expected[name] = "never completely published"
    return expected


def refused(server: Server, expected: dict[str, str]) -> list[str]:
    """What is not as it must be."""
    wrong = []
    models = {each["name"]: each for each in server.http.get("/models").json()["models"]}
    ready = server.http.get("/readyz")
    if (server.http.get("/healthz").status_code, ready.status_code) != (200, 503):
        wrong.append("the probes")
    if server.http.post(f"/predict?model={WHOLE}", files=IMAGE).json().get("label") != "Ankle boot":
        wrong.append("the whole model")
    for name, reason in expected.items():
        answer = server.http.post(f"/predict?model={name}", files=IMAGE)
        known = models[name]
        if answer.status_code != 503 or not answer.headers["Retry-After"] or reason not in answer.json()["detail"]:
            wrong.append(f"{name}: {answer.status_code} {answer.text[:300]}")
        if known["state"] != "unavailable" or reason not in known["reason"] or f"{name}: version 1: " not in ready.json()["detail"]:
            wrong.append(f"{name}: {known}")
    return wrong


def started_on(models: Path, expected: dict[str, str], changed: str = "") -> list[str]:
    with Server(models_dir=str(models), required_models=[WHOLE, *expected], default_model=WHOLE, changed=changed) as server:
        return refused(server, expected)


def test_every_file_damaged(models: Path, tmp_path: Path, soak: bool, record: Record) -> None:
    expected = broken_models(models / "cnn" / "1", tmp_path, places=10 if soak else 1)
    wrong = started_on(tmp_path, expected)
    record(
        "A version flipped, truncated, half-copied or without a file at start",
        "/healthz 200, /readyz 503 naming it, the whole model 200, this one 503 with the reason, /models says it",
        f"{len(expected)} broken versions, of them {len(wrong)} served or without their reason",
    )
    assert wrong == []


def test_without_the_manifests_digests(models: Path, tmp_path: Path) -> None:
    expected = broken_models(models / "cnn" / "1", tmp_path, places=1)
    names = [name for name in files(models / "cnn" / "1") if name != MANIFEST]
    wrong = started_on(tmp_path, expected, f"import app.model\napp.model.verify = lambda folder: frozenset({names})")
    assert len(wrong) > len(files(models / "cnn" / "1"))


# The folder as a whole


def missing(models: Path) -> None:
    shutil.rmtree(models)


def a_file(models: Path) -> None:
    shutil.rmtree(models)
    models.touch()


def dangling(models: Path) -> None:
    shutil.rmtree(models)
    models.symlink_to(models.with_name("nowhere"))


def unreadable(models: Path) -> None:
    models.chmod(0)


def mend(models: Path, good: Path) -> None:
    if models.is_symlink() or models.is_file():
        models.unlink()
    elif models.exists():
        models.chmod(0o700)
        shutil.rmtree(models)
    good.rename(models)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (missing, "No such file or directory"),
        (a_file, "Not a directory"),
        (dangling, "No such file or directory"),
        (unreadable, "Permission denied"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_no_folder(spoil: Callable[[Path], None], why: str, models: Path, tmp_path: Path, record: Record) -> None:
    """And once there is one, it is served without a restart."""
    folder, good = tmp_path / "models", tmp_path / "good"
    publish(models / "ann" / "1", folder, "ann", 1)
    shutil.copytree(folder, good)
    spoil(folder)
    with Server(models_dir=str(folder), required_models=["ann"], default_model="ann", reload_seconds=0.1, changed=UNPRIVILEGED) as server:
        healthy, ready = server.http.get("/healthz").status_code, server.http.get("/readyz")
        answer = server.http.post("/predict", files=IMAGE)
        known = server.http.get("/models").json()["models"]
        mend(folder, good)
        eventually(lambda: server.http.get("/readyz").status_code == 200)
        mended = server.http.post("/predict", files=IMAGE).status_code
    measured = f"/healthz {healthy}, /readyz {ready.status_code}, /predict {answer.status_code}, once mended {mended}"
    row = f"The models folder {spoil.__name__.replace('_', ' ')} at start"
    record(row, "/healthz 200, /readyz 503 with the reason, a model 503 with it; served once it is mended", measured)
    reason = f"the models folder can't be read ({why})"
    assert (healthy, ready.status_code, answer.status_code, mended) == (200, 503, 503, 200)
    assert reason in ready.json()["detail"]
    assert reason in answer.json()["detail"]
    assert [(each["name"], each["state"], each["reason"]) for each in known] == [("ann", "unavailable", reason)]


CLOSED = [
    (".", 0, "its folder can't be read (Permission denied)"),
    ("1", 0, "manifest.json can't be read: Permission denied"),
    ("1/model.tflite", 0, "model.tflite can't be read: Permission denied"),
    ("1/plots", 0, "missing: plots/"),
    ("1/plots", 0o400, "its folder can't be read: Permission denied"),
]
"""What of a model is closed to the service, with which permissions left, and what is then said."""


def test_a_closed_part(models: Path, tmp_path: Path, record: Record) -> None:
    """A model's folder, a version's, a file; and a model's that is a link to nowhere, or a file."""
    publish(models / "ann" / "1", tmp_path, "ann", 1)
    expected = {"link": "it has no folder", "file": "it has no folder"}
    parts = []
    for number, (part, permissions, reason) in enumerate(CLOSED):
        parts.append(publish(models / "ann" / "1", tmp_path, f"closed-{number}", 1).parent / part)
        parts[-1].chmod(permissions)
        expected[f"closed-{number}"] = reason
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    required = ["ann", *expected]
    with Server(
        models_dir=str(tmp_path), changed=UNPRIVILEGED, required_models=required, default_model="ann", reload_seconds=0.1
    ) as server:
        known = {each["name"]: each for each in server.http.get("/models").json()["models"]}
        ready = server.http.get("/readyz").json()["detail"]
        answers = {name: server.http.post(f"/predict?model={name}", files=IMAGE) for name in known}
        for each in parts:
            each.chmod(0o700)
        eventually(lambda: "closed-" not in server.http.get("/readyz").text)
    statuses = {name: answer.status_code for name, answer in answers.items()}
    record(
        "A folder or file of a model unreadable at start",
        "the others 200, this one 503 with the reason; served once it is mended",
        f"{len(expected)} parts; {sorted(statuses.values())}; served once mended: {len(parts)}",
    )
    assert statuses == {"ann": 200, **dict.fromkeys(expected, 503)}
    for name, reason in expected.items():
        assert reason in answers[name].json()["detail"]
        assert reason in known[name]["reason"]
        assert name in ready
