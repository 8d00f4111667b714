"""The Open Inference Protocol over real HTTP; real clients of it are in tests/clients."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from app import codings
from tests import data
from tests.app.folders import LOADED, NEWEST, paper_models
from tests.server import Server

IMAGES, _ = data.load()
INFER = "/v2/models/cnn/infer"
LENGTH = "Inference-Header-Content-Length"


def described(count: int = 1, **changes: Any) -> dict[str, Any]:
    return {"name": "image", "shape": [count, 28, 28, 1], "datatype": "UINT8", **changes}


def request(count: int = 1, **changes: Any) -> dict[str, Any]:
    return {"inputs": [described(count, data=IMAGES[:count].ravel().tolist())], **changes}


def binary(head: dict[str, Any], tail: bytes, length: object = None) -> dict[str, Any]:
    content = json.dumps(head).encode()
    return {"content": content + tail, "headers": {LENGTH: str(len(content) if length is None else length)}}


def outputs(answer: httpx.Response) -> dict[str, np.ndarray[Any, Any]]:
    """The outputs of an answer by name, whether JSON or bytes."""
    assert answer.status_code == 200, answer.text
    length = int(answer.headers.get(LENGTH, len(answer.content)))
    tail, found = answer.content[length:], {}
    for each in json.loads(answer.content[:length])["outputs"]:
        size = each.get("parameters", {}).get("binary_data_size", 0)
        values = np.frombuffer(tail[:size], "<f4") if size else np.array(each["data"])
        found[each["name"]], tail = values.reshape(each["shape"]), tail[size:]
    assert tail == b""
    return found


def refused(answer: httpx.Response, status: int, *words: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert list(answer.json()) == ["error"]
    for word in words:
        assert word in answer.json()["error"]


def test_what_is_asked_for_comes_as_it_is_asked_for(server: Server) -> None:
    both = outputs(server.http.post(INFER, json=request(3)))
    assert list(both) == ["probabilities", "logits"]
    assert {each.shape for each in both.values()} == {(3, 10)}
    for wanted in (
        request(3, outputs=[{"name": "logits"}]),
        request(3, outputs=[{"name": "logits", "parameters": {"binary_data": True}}]),
        request(3, outputs=[{"name": "logits", "parameters": {"binary_data": False}}], parameters={"binary_data_output": True}),
        request(3, outputs=[{"name": "logits"}], parameters={"binary_data_output": True}),
        {"inputs": [described(3, data=IMAGES[:3].tolist())], "outputs": [{"name": "logits"}]},
    ):
        one = outputs(server.http.post(INFER, json=wanted))
        assert list(one) == ["logits"]
        np.testing.assert_allclose(one["logits"], both["logits"], atol=1e-6)
    assert outputs(server.http.post(INFER, json=request(outputs=[]))) == {}


def test_json_and_bytes_may_be_mixed(server: Server) -> None:
    wanted = [{"name": "logits", "parameters": {"binary_data": True}}, {"name": "probabilities"}]
    answer = server.http.post(INFER, json=request(2, outputs=wanted))
    assert list(outputs(answer)) == ["logits", "probabilities"]
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert len(answer.content) - int(answer.headers[LENGTH]) == 2 * 10 * 4


def test_bytes_in_every_way(server: Server) -> None:
    expected = outputs(server.http.post(INFER, json=request(5)))["probabilities"]
    raw = IMAGES[:5].tobytes()
    head = {"inputs": [described(5, parameters={"binary_data_size": len(raw)})]}
    for sent in (binary(head, raw), {"content": raw, "headers": {LENGTH: "0"}}):
        np.testing.assert_allclose(outputs(server.http.post(INFER, **sent))["probabilities"], expected, atol=1e-6)
    alone = server.http.post(INFER, content=raw, headers={LENGTH: "0"})
    assert len(alone.content) > int(alone.headers[LENGTH])  # bytes are answered with bytes


def test_the_id_and_the_version_are_repeated(server: Server) -> None:
    for name, version in LOADED:
        answer = server.http.post(f"/v2/models/{name}/versions/{version}/infer", json=request(id="17 ü"))
        assert (answer.json()["model_name"], answer.json()["model_version"], answer.json()["id"]) == (name, str(version), "17 ü")
    assert "id" not in server.http.post(INFER, json=request()).json()


def test_classification(server: Server) -> None:
    probabilities = outputs(server.http.post(INFER, json=request(2)))["probabilities"]
    parameters: dict[str, object] = {"classification": 3}
    wanted = [{"name": "probabilities", "parameters": parameters}]
    [output] = server.http.post(INFER, json=request(2, outputs=wanted)).json()["outputs"]
    assert (output["datatype"], output["shape"]) == ("BYTES", [2, 3])
    assert output["data"][0] == f"{probabilities[0, 9]:f}:9:Ankle boot"
    assert [int(each.split(":")[1]) for each in output["data"]] == np.argsort(-probabilities, axis=1)[:, :3].ravel().tolist()
    parameters["binary_data"] = True
    answer = server.http.post(INFER, json=request(2, outputs=wanted))
    tail = answer.content[int(answer.headers[LENGTH]) :]
    read = []
    while tail:
        size = int.from_bytes(tail[:4], "little")
        read.append(tail[4 : 4 + size].decode())
        tail = tail[4 + size :]
    assert read == output["data"]
    wanted = [{"name": "probabilities", "parameters": {"classification": 99}}]
    assert server.http.post(INFER, json=request(2, outputs=wanted)).json()["outputs"][0]["shape"] == [2, 10]


def test_compressed_both_ways(server: Server) -> None:
    expected = outputs(server.http.post(INFER, json=request(100)))["logits"]
    for coding in ("gzip", "deflate"):
        content = codings.compressed(json.dumps(request(100)).encode(), coding)
        answer = server.http.post(INFER, content=content, headers={"Content-Encoding": coding, "Accept-Encoding": coding})
        assert answer.headers["Content-Encoding"] == coding
        np.testing.assert_array_equal(outputs(answer)["logits"], expected)
    plain = server.http.post(INFER, json=request(100), headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    short = server.http.post(INFER, json=request(1), headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in short.headers


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "does not follow the Open Inference Protocol"),
        (b"[]", "does not follow"),
        (b'{"inputs": [', "does not follow"),
        (b"\xff", "does not follow"),
        (b"[" * 100_000, "does not follow"),
        (b'{"inputs": []}', "inputs are none and must be one: image"),
        (json.dumps({"inputs": [described(data=[0] * 784)] * 2}).encode(), "inputs are 'image', 'image' and must be one"),
        (json.dumps({"inputs": [described(data=[0] * 784, name="x" * 99)]}).encode(), "and must be one: image"),
        (json.dumps({"inputs": [described(data=[0] * 784, datatype="FP32")]}).encode(), "datatype 'FP32' and must be UINT8"),
        (json.dumps({"inputs": [described(data=[0] * 784, shape=[1, 784])]}).encode(), "shape [1, 784] and must have [n, 28, 28, 1]"),
        (json.dumps({"inputs": [described(data=[], shape=[])]}).encode(), "shape [] and must have"),
        (json.dumps({"inputs": [described(0, data=[])]}).encode(), "n at least 1"),
        (json.dumps({"inputs": [described(-1, data=[0] * 784)]}).encode(), "n at least 1"),
        (json.dumps({"inputs": [described(2, data=[0] * 784)]}).encode(), "has 1 images, but its shape [2, 28, 28, 1] says 2"),
        (json.dumps({"inputs": [described(data=[0] * 783 + [256])]}).encode(), "'256' is not of expected type uint8"),
        (json.dumps({"inputs": [described()]}).encode(), "either data or the parameter binary_data_size"),
        (json.dumps({"inputs": [described(parameters={"binary_data_size": 784})]}).encode(), "0 bytes of tensors and must be 784"),
        (json.dumps({"inputs": [described(parameters={"binary_data_size": -1})]}).encode(), "greater than or equal to 0"),
        (
            json.dumps({"inputs": [described(parameters={"shared_memory_region": "x"})]}).encode(),
            "Shared memory is not served",
        ),
        (json.dumps(request(outputs=[{"name": "x"}])).encode(), "no output 'x': choose from probabilities, logits"),
        (json.dumps(request(outputs=[{"name": "logits"}] * 17)).encode(), "at most 16"),
        (json.dumps(request(id="x" * 300)).encode(), "at most 256"),
        (json.dumps(request(parameters={"binary_data_output": 0})).encode(), "binary_data_output: Input should be a valid boolean"),
        (json.dumps({"inputs": [described(data=[0] * 784, shape=["1", 28, 28, 1])]}).encode(), "should be a valid integer"),
        (
            json.dumps(request(outputs=[{"name": "logits", "parameters": {"shared_memory_region": "x"}}])).encode(),
            "Shared memory is not served",
        ),
    ],
)
def test_a_malformed_request(server: Server, content: bytes, words: str) -> None:
    refused(server.http.post(INFER, content=content), 400, words)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (binary({"inputs": [described(data=[0] * 784, parameters={"binary_data_size": 784})]}, bytes(784)), "either data or"),
        (binary(request(), b"x"), "1 bytes of tensors and must be 0"),
        (binary(request(), b"", 10**6), "longer than the body"),
        (binary(request(), b"", "12a"), "is '12a' and must be a number of bytes"),
        (binary(request(), b"", "-1"), "must be a number of bytes"),
        (binary(request(), b"", "9" * 13), "must be a number of bytes"),
        ({"content": b"x", "headers": {LENGTH: "0"}}, "has 1 bytes and must have 784"),
        ({"content": b"", "headers": {LENGTH: "0"}}, "has 0 bytes and must have 784"),
        ({"content": b"hello", "headers": {"Content-Encoding": "gzip"}}, "is not the gzip"),
        ({"content": b"x", "headers": {"Content-Encoding": "br"}}, "'br' is unknown"),
    ],
)
def test_a_malformed_body(server: Server, sent: dict[str, Any], words: str) -> None:
    refused(server.http.post(INFER, **sent), 400, words)


def test_names_that_do_not_exist(server: Server) -> None:
    for path in ("", "/ready", "/config", "/versions/1", "/versions/1/ready"):
        refused(server.http.get(f"/v2/models/vgg{path}"), 404, "'vgg': choose one of ann, cnn")
    for version in ("99", "x", "-1", "1" * 5000, "٣"):
        refused(server.http.get(f"/v2/models/cnn/versions/{version}"), 404, "choose one of 2, 1")
        refused(server.http.post(f"/v2/models/cnn/versions/{version}/infer", json=request()), 404, "choose one of 2, 1")
    refused(server.http.post("/v2/models/vgg/infer", json=request()), 404, "choose one of ann, cnn")
    refused(server.http.get("/v2/nothing"), 404, "/docs")
    refused(server.http.put("/v2"), 405, "GET")


def test_nothing_is_loaded_or_unloaded_over_http(server: Server) -> None:
    for change in ("load", "unload"):
        refused(server.http.post(f"/v2/repository/models/cnn/{change}", json={}), 400, "not loaded or unloaded over HTTP")
    assert server.http.get("/v2/models/cnn/ready").status_code == 200


def test_the_repository_index(server: Server) -> None:
    listed = server.http.post("/v2/repository/index").json()
    assert {(each["name"], int(each["version"])) for each in listed if each["state"] == "READY"} == set(LOADED)
    assert server.http.post("/v2/repository/index", json={"ready": True}).json() == [each for each in listed if each["state"] == "READY"]
    refused(server.http.post("/v2/repository/index", content=b"{"), 400, "no repository request")


def test_a_broken_model(tmp_path: Path) -> None:
    models = paper_models(tmp_path / "models")
    (models / "cnn" / "1" / "manifest.json").unlink()
    with Server(models_dir=str(models)) as server:
        refused(server.http.get("/v2/health/ready"), 503, "cnn: version 1: no manifest.json")
        assert server.http.get("/v2/health/live").json() == {"live": True}
        for path in ("", "/ready", "/config"):
            refused(server.http.get(f"/v2/models/cnn{path}"), 503, "no manifest.json")
        answer = server.http.post("/v2/models/cnn/infer", json=request())
        refused(answer, 503, "no manifest.json")
        assert answer.headers["Retry-After"]
        broken = {"name": "cnn", "version": "1", "state": "UNAVAILABLE"}
        [entry] = [each for each in server.http.post("/v2/repository/index").json() if each["name"] == "cnn"]
        assert {key: entry[key] for key in broken} == broken
        assert "no manifest.json" in entry["reason"]
        assert [each["name"] for each in server.http.post("/v2/repository/index", json={"ready": True}).json()] == ["ann"]


def test_the_bounds(models: Path) -> None:
    with Server(models_dir=str(models), max_tensor_bytes=100_000, max_tensor_batch=20, max_body_bytes=2000) as server:
        raw = IMAGES[:21].tobytes()
        refused(server.http.post(INFER, content=raw, headers={LENGTH: "0"}), 400, "has 21 images and may have 20")
        assert server.http.post(INFER, content=raw[: 20 * 784], headers={LENGTH: "0"}).status_code == 200
        refused(server.http.post(INFER, content=bytes(100_001)), 413, "100,000 bytes")
        refused(server.http.post(INFER, content=iter([bytes(60_000)] * 2)), 413, "100,000 bytes")
        bomb = codings.compressed(bytes(10**7), "gzip")
        refused(server.http.post(INFER, content=bomb, headers={"Content-Encoding": "gzip"}), 413, "100,000 bytes when it is decompressed")
        assert server.http.post("/predict", content=bytes(2001), headers={"Content-Type": "image/png"}).status_code == 413
        assert server.http.get("/v2/models/cnn/config").json()["max_batch_size"] == 20


def test_statistics(models: Path) -> None:
    with Server(models_dir=str(models)) as server:
        for count in (1, 300):
            assert server.http.post("/v2/models/cnn/versions/1/infer", json=request(count)).status_code == 200
        server.http.post("/v2/models/ann/infer", json=request(7)).raise_for_status()
        refused(server.http.post("/v2/models/cnn/infer", json={}), 400)
        [first] = server.http.get("/v2/models/cnn/versions/1/stats").json()["model_stats"]
        assert (first["name"], first["version"], first["inference_count"], first["execution_count"]) == ("cnn", "1", 301, 2)
        took = first["inference_stats"]["compute_infer"]
        assert first["inference_stats"]["success"] == took
        assert took["count"] == 2
        [seconds] = re.findall(r'duration_seconds_sum{model="cnn",version="1"} (\S+)', server.http.get("/telemetry").text)
        assert took["ns"] == round(1e9 * float(seconds)) > 0
        both = server.http.get("/v2/models/cnn/stats").json()["model_stats"]
        assert [(each["version"], each["execution_count"]) for each in both] == [("2", 0), ("1", 2)]
        everything = server.http.get("/v2/models/stats").json()["model_stats"]
        assert [(each["name"], int(each["version"])) for each in everything] == LOADED
        assert sum(each["inference_count"] for each in everything) == 308
        refused(server.http.get("/v2/models/vgg/stats"), 404, "choose one of ann, cnn")


def test_what_it_says_of_itself(server: Server) -> None:
    assert server.http.get("/v2").json()["extensions"] == [
        "binary_tensor_data",
        "classification",
        "model_configuration",
        "model_repository",
        "statistics",
    ]
    assert server.http.get("/v2/health/ready").json() == {"ready": True}
    for name, version in NEWEST.items():
        metadata = server.http.get(f"/v2/models/{name}").json()
        assert metadata["versions"][0] == str(version)
        assert metadata["inputs"] == [{"name": "image", "datatype": "UINT8", "shape": [-1, 28, 28, 1]}]
        assert [each["shape"] for each in metadata["outputs"]] == [[-1, 10]] * 2
        config = server.http.get(f"/v2/models/{name}/config").json()
        assert config["version_policy"]["specific"]["versions"][0] == version
        assert config["input"][0]["dims"] == [28, 28, 1]
