"""What the reading routes answer, over real HTTP."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from tests import data
from tests.app.folders import NEWEST, read
from tests.app.test_uploads import rejected
from tests.server import ROOT, Server
from training.data import LABELS


def test_metrics_is_the_stored_evaluation(server: Server, models: Path) -> None:
    answer = server.http.get("/metrics").json()
    assert answer["dataset"] == {"name": "Fashion-MNIST", "train_images": 60000, "test_images": 10000, "labels": list(LABELS)}
    assert {name: each["version"] for name, each in answer["models"].items()} == NEWEST
    assert [answer["models"][name]["parameters"] for name in ("ann", "cnn")] == [227_018, 69_834]
    for name, each in answer["models"].items():
        stored = read(models / name / str(NEWEST[name]) / "report.json")
        assert each == {key: value for key, value in stored.items() if key not in ("name", "dataset")}
        assert set(each["train"]) == {"loss", "accuracy"}
        assert {"loss", "accuracy", "correct", "incorrect", "macro_avg", "weighted_avg", "per_class", "confusion_matrix"} <= set(
            each["test"]
        )
        assert {"precision", "recall", "f1", "support", "roc_auc"} <= set(each["test"]["per_class"]["Trouser"])
    assert answer["comparison"] == read(models / "comparison.json")
    runner_up, best = sorted((each["test"]["accuracy"], name) for name, each in answer["models"].items())[-2:]
    assert answer["comparison"]["best"] == best[1]
    assert answer["comparison"]["accuracy_difference"] == pytest.approx(best[0] - runner_up[0])


def test_metrics_of_one_model(server: Server) -> None:
    assert list(server.http.get("/metrics?model=ann").json()["models"]) == ["ann"]
    rejected(server.http.get("/metrics?model=vgg"), 404, "'vgg'", "ann, cnn")


def test_models_and_one_model(server: Server, models: Path) -> None:
    listed = server.http.get("/models").json()["models"]
    assert [(each["name"], each["state"], each["version"], each["default"], each["required"]) for each in listed] == [
        (name, "ready", version, name == "cnn", name in ("ann", "cnn")) for name, version in NEWEST.items()
    ]
    one = server.http.get("/models/cnn").json()
    assert one["card"] == read(models / "cnn" / str(NEWEST["cnn"]) / "card.json")
    assert one["versions"][0] == {"version": NEWEST["cnn"], "state": "served", "reason": None}
    rejected(server.http.get("/models/vgg"), 404, "ann, cnn")
    rejected(server.http.get("/models/%2e%2e%2fcnn"), 404)


def test_the_report_page(server: Server, models: Path) -> None:
    response = server.http.get("/models/cnn/versions/1/report")
    assert response.content == (models / "cnn" / "1" / "report.html").read_bytes()
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    rejected(server.http.get("/models/cnn/versions/99/report"), 404, "choose one of ")
    rejected(server.http.get("/models/cnn/versions/x/report"), 422, "version")


def test_every_plot(server: Server, models: Path) -> None:
    plots = sorted(path.name for path in (models / "cnn" / "1" / "plots").iterdir())
    assert "confusion_matrix.png" in plots
    for plot in plots:
        response = server.http.get(f"/models/cnn/versions/1/plots/{plot}")
        assert response.headers["Content-Type"] == "image/png"
        assert response.content == (models / "cnn" / "1" / "plots" / plot).read_bytes()
    rejected(server.http.get("/models/cnn/versions/1/plots/secret.png"), 404, "confusion_matrix.png")
    rejected(server.http.get("/models/cnn/versions/1/plots/..%2fcard.json"), 404)


def test_health(server: Server) -> None:
    assert server.http.get("/healthz").json() == {"status": "ok"}
    assert server.http.get("/readyz").json() == {"status": "ready", "models": NEWEST}


def test_unknown_paths_and_methods(server: Server) -> None:
    rejected(server.http.get("/nowhere"), 404, "/docs")
    rejected(server.http.get("/static/nowhere.js"), 404)
    rejected(server.http.get("/static/../../settings.py"), 404)
    response = server.http.get("/predict")
    rejected(response, 405, "GET is not allowed", "POST")
    assert response.headers["Allow"] == "POST"


STATIC = ROOT / "app" / "web" / "static"
LOADS = re.compile(r'<(?:script|link|img|source|iframe|object|embed)\b[^>]*?\s(?:src|srcset|href|data)="([^"]*)"')
MODULES = re.compile(r'^(?:import|export)\b[^;"]* from "([^"]+)";|\bimport\("([^"]+)"\)', re.MULTILINE)
INLINE = re.compile(r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\ssrc=)")


def policy(answer: httpx.Response) -> dict[str, list[str]]:
    return {name: sources for name, *sources in (each.split() for each in answer.headers["Content-Security-Policy"].split(";"))}


def test_the_page_is_at_the_root(server: Server) -> None:
    page = server.http.get("/")
    assert (page.status_code, page.content) == (200, (STATIC.parent / "index.html").read_bytes())
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.headers["Cache-Control"] == "no-cache"
    assert page.headers["Referrer-Policy"] == "no-referrer"


def test_the_page_may_load_and_run_only_files_of_ours(server: Server) -> None:
    page = server.http.get("/")
    allowed = policy(page)
    assert {name: allowed.pop(name) for name in ("default-src", "base-uri", "form-action", "frame-ancestors")} == {
        "default-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
    assert (allowed["script-src"], allowed["connect-src"]) == (["'self'"], ["'self'"])
    assert set(allowed.pop("img-src")) == {"'self'", "data:", "blob:"}
    for sources in allowed.values():
        assert [each for each in sources if each != "'self'" and not each.startswith("'sha256-")] == []
    assert not INLINE.search(page.text)  # the policy would have it ignored


def test_all_that_the_page_loads_is_served(server: Server) -> None:
    """Its styles and modules, and the modules that these import, each as a type that a browser takes where sniffing is forbidden."""
    addresses = LOADS.findall(server.http.get("/").text)
    assert len(addresses) > 3
    for address in addresses:  # grows with what is found
        assert address.startswith("/static/")
        answer = server.http.get(address)
        assert answer.status_code == 200, address
        kind = answer.headers["Content-Type"].partition(";")[0]
        assert kind == {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml", "png": "image/png"}[address.rpartition(".")[2]]
        if kind == "text/css":
            assert "@import" not in answer.text
            assert not re.search(r"url\(\s*[\"']?(?:\w+:)?//", answer.text)
        if kind == "text/javascript" and "/vendor/" not in address:
            named = [static or dynamic for static, dynamic in MODULES.findall(answer.text)]
            assert all(each.startswith("./") for each in named)
            addresses += {f"/static/{each.removeprefix('./')}" for each in named} - set(addresses)
    assert {each.removeprefix("/static/") for each in addresses} >= {each.name for each in STATIC.glob("*.js")} - {"docs.js"}


def test_the_api_page_works_without_internet(server: Server) -> None:
    page = server.http.get("/docs")
    assert page.status_code == 200
    assert "http://" not in page.text
    assert "https://" not in page.text
    for path in (
        "vendor/swagger-ui/swagger-ui-bundle.js",
        "vendor/swagger-ui/swagger-ui.css",
        "vendor/swagger-ui/favicon-32x32.png",
        "docs.js",
    ):
        assert f"/static/{path}" in page.text
        assert server.http.get(f"/static/{path}").content == (STATIC / path).read_bytes()
    allowed = policy(page)
    assert (allowed["default-src"], allowed["frame-ancestors"], allowed["form-action"]) == (["'self'"], ["'none'"], ["'none'"])
    assert "script-src" not in allowed


@pytest.mark.parametrize("path", ["page.js", "page.css", "gallery.png", "vendor/plot/plot.umd.min.js"])
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_static_file_is_asked_for_again_and_sent_once(server: Server, path: str, encoding: str) -> None:
    headers = {"Accept-Encoding": encoding}
    first = server.http.get(f"/static/{path}", headers=headers)
    assert (first.status_code, first.content) == (200, (STATIC / path).read_bytes())
    again = server.http.get(f"/static/{path}", headers={**headers, "If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content, again.num_bytes_downloaded) == (304, b"", 0)
    for answer in (first, again):
        assert answer.headers["Cache-Control"] == "no-cache"
    changed = server.http.get(f"/static/{path}", headers={**headers, "If-None-Match": '"another"'})
    assert (changed.status_code, changed.content) == (200, first.content)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/static/page.css",
        "/static/vendor/plot/plot.umd.min.js",
        "/metrics",
        "/mistakes",
        "/comparison",
        "/models/cnn/versions/1/report",
        "/openapi.json",
    ],
)
def test_what_is_read_is_compressed_where_that_is_accepted(server: Server, path: str) -> None:
    plain, compressed = (server.http.get(path, headers={"Accept-Encoding": each}) for each in ("identity", "gzip, br"))
    assert "Content-Encoding" not in plain.headers
    assert plain.num_bytes_downloaded == len(plain.content) > 1024
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert compressed.content == plain.content
    assert compressed.num_bytes_downloaded < 0.8 * plain.num_bytes_downloaded
    for answer in (plain, compressed):
        assert answer.headers["Vary"] == ("Accept, Accept-Encoding" if path == "/metrics" else "Accept-Encoding")


@pytest.mark.parametrize(
    "path", ["/healthz", "/mistakes/sprite", "/static/gallery.png", "/models/cnn/versions/1/plots/confusion_matrix.png"]
)
def test_what_is_short_or_a_picture_is_not_compressed(server: Server, path: str) -> None:
    answer = server.http.get(path, headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers
    assert int(answer.headers["Content-Length"]) == answer.num_bytes_downloaded == len(answer.content)


@pytest.mark.parametrize("path", ["/predict", "/predict/batch", "/compare", "/explain", "/preprocess"])
def test_no_prediction_is_compressed(server: Server, path: str) -> None:
    field = "files" if path.endswith("batch") else "file"
    files = [(field, data.BOOT.read_bytes())] * (20 if field == "files" else 1)
    answer = server.http.post(path, files=files, headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200
    assert "Content-Encoding" not in answer.headers
    assert int(answer.headers["Content-Length"]) == answer.num_bytes_downloaded == len(answer.content)
    assert len(answer.content) > 1024 or path == "/predict"


def test_every_answer_forbids_sniffing(server: Server) -> None:
    for path in ("/", "/static/page.js", "/healthz", "/nowhere", "/docs", "/models/cnn/versions/1/report"):
        assert server.http.get(path).headers["X-Content-Type-Options"] == "nosniff"
