"""The OpenAPI document says everything a client needs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from app.main import create_app
from app.settings import Settings
from tests.app.keys import key_file
from tests.conftest import MODELS
from tests.server import Server

EXPECTED = {
    "/predict": ("post", {"200", "400", "404", "408", "413", "415", "422", "429", "503"}),
    "/predict/batch": ("post", {"200", "400", "404", "408", "413", "415", "422", "429", "503"}),
    "/compare": ("post", {"200", "400", "408", "413", "415", "422", "429"}),
    "/explain": ("post", {"200", "400", "404", "408", "413", "415", "422", "429", "503"}),
    "/preprocess": ("post", {"200", "400", "408", "413", "415", "422", "429"}),
    "/metrics": ("get", {"200", "404", "422", "503"}),
    "/telemetry": ("get", {"200"}),
    "/comparison": ("get", {"200", "404"}),
    "/mistakes": ("get", {"200", "404"}),
    "/mistakes/sprite": ("get", {"200", "404", "422"}),
    "/models": ("get", {"200"}),
    "/models/{name}": ("get", {"200", "404"}),
    "/models/{name}/versions/{version}/report": ("get", {"200", "404", "422", "503"}),
    "/models/{name}/versions/{version}/plots/{plot}": ("get", {"200", "404", "422", "503"}),
    "/healthz": ("get", {"200"}),
    "/readyz": ("get", {"200", "503"}),
}
OF_A_MODEL = {
    "/v1{}": ("get", {"200", "404", "503"}),
    "/v1{}/metadata": ("get", {"200", "404", "503"}),
    "/v1{}:predict": ("post", {"200", "400", "404", "408", "413", "415", "422", "429", "503"}),
    "/v2{}": ("get", {"200", "404", "503"}),
    "/v2{}/ready": ("get", {"200", "404", "503"}),
    "/v2{}/stats": ("get", {"200", "404", "503"}),
    "/v2{}/config": ("get", {"200", "404", "503"}),
    "/v2{}/infer": ("post", {"200", "400", "404", "408", "413", "429", "503"}),
}
PROTOCOLS = {
    "/v1/models": ("get", {"200"}),
    "/v2": ("get", {"200"}),
    "/v2/health/live": ("get", {"200"}),
    "/v2/health/ready": ("get", {"200", "503"}),
    "/v2/models/stats": ("get", {"200"}),
    "/v2/repository/index": ("post", {"200", "400", "408", "413", "429"}),
    **{
        path.format(model): described
        for path, described in OF_A_MODEL.items()
        for model in ("/models/{name}", "/models/{name}/versions/{version}")
    },
}
PROBES = ("/healthz", "/readyz", "/v2/health/live", "/v2/health/ready")


def refusals(path: str) -> set[str]:
    """Of any request: without a key, by another site's page, under another host's name."""
    return {"403"} if path in PROBES else {"401", "403", "421"}


@pytest.fixture(scope="module")
def document(server: Server) -> dict[str, Any]:
    return resolved(server.http.get("/openapi.json").json())


def resolved(document: dict[str, Any]) -> dict[str, Any]:
    """The document with each answer in its place."""
    for path in document["paths"].values():
        for operation in path.values():
            for status, answer in operation["responses"].items():
                if "$ref" in answer:
                    operation["responses"][status] = document["components"]["responses"][answer["$ref"].rsplit("/", 1)[1]]
    return document


def test_it_lists_exactly_the_routes(document: dict[str, Any]) -> None:
    assert {path: tuple(methods) for path, methods in document["paths"].items()} == {
        path: (method,) for path, (method, _) in (EXPECTED | PROTOCOLS).items()
    }


@pytest.mark.parametrize("path", EXPECTED)
def test_each_answer_is_described_typed_and_exemplified(document: dict[str, Any], path: str) -> None:
    method, statuses = EXPECTED[path]
    operation = document["paths"][path][method]
    assert operation["description"]
    assert set(operation["responses"]) == statuses | refusals(path)
    for status, answer in operation["responses"].items():
        (media_type, content), *others = answer["content"].items()
        if path in ("/metrics", "/telemetry") and status == "200":  # Prometheus's formats
            assert {each for each in answer["content"] if each != "application/json"} == {"text/plain", "application/openmetrics-text"}
            assert all(each["example"] for name, each in answer["content"].items() if name != "application/json")
        else:
            assert not others
        if status != "200":
            assert media_type == "application/problem+json"
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
            assert content["example"]["status"] == int(status)
            assert set(content["example"]) == {"type", "title", "status", "detail", "request_id"}
        elif media_type == "application/json":
            schema = document["components"]["schemas"][content["schema"]["$ref"].rsplit("/", 1)[1]]
            assert schema["examples"], path
            assert schema["description"]


@pytest.mark.parametrize("path", PROTOCOLS)
def test_so_is_each_answer_of_the_protocols(document: dict[str, Any], path: str) -> None:
    method, statuses = PROTOCOLS[path]
    operation, schemas = document["paths"][path][method], document["components"]["schemas"]
    assert operation["description"]
    assert set(operation["responses"]) == statuses | refusals(path)
    for status, answer in operation["responses"].items():
        schema = answer["content"]["application/json"]["schema"]
        described = schemas[schema.get("items", schema)["$ref"].rsplit("/", 1)[1]]
        assert described["examples"]
        assert described["description"]
        assert (described["title"] == "InferenceError") == (status != "200")
    assert [each["name"] for each in operation.get("parameters", [])] == [each for each in ("name", "version") if f"{{{each}}}" in path]
    assert all(each["description"] for each in operation.get("parameters", []))
    for reference in re.findall(r"#/components/schemas/(\w+)", json.dumps([operation, schemas])):
        assert reference in schemas


def test_uploads_are_described(document: dict[str, Any]) -> None:
    for path in ("/predict", "/compare", "/explain", "/preprocess"):
        body = document["paths"][path]["post"]["requestBody"]
        assert set(body["content"]) == {"multipart/form-data", "image/png", "image/jpeg", "image/webp", "image/bmp"}
    files = document["paths"]["/predict/batch"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]["files"]
    assert files == {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}}


@pytest.mark.parametrize("path", ["/predict", "/predict/batch", "/compare", "/explain", "/preprocess", "/metrics"])
def test_parameters_are_described(document: dict[str, Any], path: str) -> None:
    method, _ = EXPECTED[path]
    for parameter in document["paths"][path][method]["parameters"]:
        assert parameter["description"]


def test_keys_are_described(document: dict[str, Any], tmp_path: Path) -> None:
    schemes = document["components"]["securitySchemes"]
    assert (schemes["bearer"]["scheme"], schemes["key"]["in"], schemes["key"]["name"]) == ("bearer", "header", "X-API-Key")
    keyed = create_app(Settings(models_dir=MODELS, api_keys=key_file(tmp_path))).openapi()
    for path, (method, _) in (EXPECTED | PROTOCOLS).items():
        needed: list[dict[str, Any]] = [] if path in PROBES else [{"bearer": []}, {"key": []}]
        assert keyed["paths"][path][method]["security"] == needed
        assert document["paths"][path][method]["security"] == (needed and [*needed, {}])
