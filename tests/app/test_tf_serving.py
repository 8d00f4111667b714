"""TensorFlow Serving's REST API over real HTTP, with requests as its documentation ("RESTful API") writes them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests import data
from tests.app.folders import NEWEST, paper_models
from tests.app.test_open_inference import refused
from tests.server import Server

IMAGES, _ = data.load()
SOME = IMAGES[:3].tolist()
PREDICT = "/v1/models/cnn:predict"
BOOT = {"b64": base64.b64encode(data.BOOT.read_bytes()).decode()}


@pytest.fixture(scope="module")
def expected(server: Server) -> np.ndarray[Any, Any]:
    """The probabilities of `SOME` by the other protocol."""
    answer = server.http.post("/v2/models/cnn/infer", content=IMAGES[:3].tobytes(), headers={"Inference-Header-Content-Length": "0"})
    length = int(answer.headers["Inference-Header-Content-Length"])
    return np.frombuffer(answer.content[length : length + 3 * 40], "<f4").reshape(3, 10)


def post(server: Server, content: object) -> httpx.Response:
    return server.http.post(PREDICT, json=content)


@pytest.mark.parametrize(
    "content",
    [
        {"instances": SOME},
        {"signature_name": "serving_default", "instances": SOME},
        {"signature_name": "", "instances": SOME},
        {"instances": [{"image": each} for each in SOME]},
        {"instances": [SOME[0], {"image": SOME[1]}, SOME[2]]},
    ],
)
def test_rows(server: Server, expected: np.ndarray[Any, Any], content: object) -> None:
    answer = post(server, content)
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["predictions"]
    rows = answer.json()["predictions"]
    assert {tuple(each) for each in rows} == {("probabilities", "logits")}
    np.testing.assert_allclose([each["probabilities"] for each in rows], expected, atol=1e-6)


@pytest.mark.parametrize("content", [{"inputs": SOME}, {"inputs": {"image": SOME}}, {"signature_name": "serving_default", "inputs": SOME}])
def test_columns(server: Server, expected: np.ndarray[Any, Any], content: object) -> None:
    answer = post(server, content)
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["outputs"]
    assert list(answer.json()["outputs"]) == ["probabilities", "logits"]
    np.testing.assert_allclose(answer.json()["outputs"]["probabilities"], expected, atol=1e-6)


@pytest.mark.parametrize(
    "content", [{"instances": [BOOT]}, {"instances": [{"image": BOOT}]}, {"inputs": [BOOT]}, {"inputs": {"image": [BOOT]}}]
)
def test_a_picture(server: Server, expected: np.ndarray[Any, Any], content: object) -> None:
    answer = post(server, content).json()
    found = answer["predictions"][0]["probabilities"] if "predictions" in answer else answer["outputs"]["probabilities"][0]
    np.testing.assert_allclose(found, expected[0], atol=1e-6)


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"", 400, "JSON Parse error: The document is empty"),
        (b" \n", 400, "JSON Parse error: The document is empty"),
        (b"{", 400, "JSON Parse error: EOF"),
        (b"\xff", 400, "JSON Parse error"),
        (b"[" * 100_000, 400, "JSON Parse error"),
        (b"[1]", 400, "JSON Parse error: The document is not an object"),
        (b"{}", 400, "Missing 'inputs' or 'instances' key"),
        (b'{"instances": [1.0], "inputs": [1.0]}', 400, "expecting only one of 'inputs' or 'instances'"),
        (b'{"signature_name": "regress", "instances": [1.0]}', 400, 'Serving signature name: "regress" not found in signature def'),
        (b'{"signature_name": ["a"], "instances": [1.0]}', 400, "not found in signature def"),
        (b'{"instances": [1.0, 2.0, 5.0]}', 400, "An image has the shape [] and must have [28, 28, 1]"),
        (b'{"instances": [[1.0, 2.0], [3.0, 4.0]]}', 400, "An image has the shape [2] and must have [28, 28, 1]"),
        (b'{"instances": []}', 400, "'instances' is not of expected type: a list of images"),
        (b'{"instances": "abc"}', 400, "'instances' is not of expected type: a list of images"),
        (b'{"inputs": {"image": 7}}', 400, "'inputs' is not of expected type: a list of images"),
        (b'{"inputs": {"picture": []}}', 400, "inputs are 'picture' and must be one: image"),
        (b'{"instances": [{}]}', 400, "inputs are none and must be one: image"),
        (b'{"instances": [{"b64": 7}]}', 400, "An image is not of expected type"),
        (b'{"instances": [{"image": {"image": 7}}]}', 400, "An image is not of expected type"),
        (b'{"instances": [{"b64": "###"}]}', 400, "no base64"),
        (b'{"instances": [{"b64": "\\u00fc"}]}', 400, "no base64"),
        (b'{"instances": [{"b64": "aGVsbG8="}]}', 415, "PNG, JPEG, WebP or BMP"),
        (b'{"instances": [{"b64": ""}]}', 422, "empty"),
        (json.dumps({"instances": [[[["a"]] * 28] * 28]}).encode(), 400, "'a' is not of expected type uint8"),
        (json.dumps({"instances": [[[[0.5]] * 28] * 28]}).encode(), 400, "'0.5' is not of expected type uint8"),
    ],
)
def test_a_wrong_request(server: Server, content: bytes, status: int, words: str) -> None:
    refused(server.http.post(PREDICT, content=content), status, words)


def test_names_that_do_not_exist(server: Server) -> None:
    refused(server.http.post("/v1/models/vgg:predict", json={"instances": SOME}), 404, "Servable not found for request: Latest(vgg)")
    refused(server.http.post("/v1/models/cnn/versions/77:predict", json={}), 404, "Servable not found for request: Specific(cnn, 77)")
    for path in ("/v1/models/vgg", "/v1/models/vgg/metadata"):
        refused(server.http.get(path), 404, "Servable not found for request: Latest(vgg)", "choose one of ann, cnn")
    refused(server.http.get("/v1/models/cnn/versions/77"), 404, "Specific(cnn, 77)", "choose one of 2, 1")
    refused(server.http.post("/v1/models/cnn:classify", json={}), 400, "Malformed request: POST /v1/models/cnn:classify")
    refused(server.http.post("/v1/models/cnn/versions/1:regress", json={}), 400, "the only verb is predict")


def test_the_status(server: Server) -> None:
    available = {"state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    answer = server.http.get("/v1/models/cnn").json()
    assert answer["model_version_status"] == [{"version": "2", **available}, {"version": "1", **available}]
    assert (answer["name"], answer["ready"]) == ("cnn", True)
    assert server.http.get("/v1/models/cnn/versions/1").json()["model_version_status"] == [{"version": "1", **available}]
    assert server.http.get("/v1/models").json() == {"models": list(NEWEST)}


def test_versions(server: Server) -> None:
    by_version = [server.http.post(f"/v1/models/cnn/versions/{each}:predict", json={"instances": SOME}).json() for each in (1, 2)]
    assert by_version[0] != by_version[1] == post(server, {"instances": SOME}).json()


def test_the_metadata(server: Server) -> None:
    answer = server.http.get("/v1/models/cnn/metadata").json()
    assert answer["model_spec"] == {"name": "cnn", "signature_name": "", "version": "2"}
    signature = answer["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["method_name"] == "tensorflow/serving/predict"
    assert signature["inputs"]["image"]["dtype"] == "DT_UINT8"
    assert [each["size"] for each in signature["inputs"]["image"]["tensor_shape"]["dim"]] == ["-1", "28", "28", "1"]
    assert {name: each["dtype"] for name, each in signature["outputs"].items()} == {"probabilities": "DT_FLOAT", "logits": "DT_FLOAT"}


def test_a_broken_version(tmp_path: Path) -> None:
    models = paper_models(tmp_path / "models")
    (models / "cnn" / "1" / "manifest.json").unlink()
    with Server(models_dir=str(models)) as server:
        refused(server.http.get("/v1/models/cnn"), 503, "no manifest.json")
        refused(server.http.post(PREDICT, json={"instances": SOME}), 503, "no manifest.json")
        assert server.http.get("/v1/models").json() == {"models": ["ann"]}


def test_the_bound(models: Path) -> None:
    with Server(models_dir=str(models), max_tensor_batch=2) as server:
        refused(post(server, {"instances": SOME}), 400, "has 3 images and may have 2")
        refused(post(server, {"inputs": SOME}), 400, "has 3 images and may have 2")
