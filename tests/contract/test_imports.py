"""Who may import whom."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server import ROOT


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def of(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("path", of("app"), ids=lambda path: str(path.relative_to(ROOT)))
def test_app_never_imports_training(path: Path) -> None:
    assert not [name for name in imports(path) if name.split(".")[0] == "training"]


@pytest.mark.parametrize("path", of("training"), ids=lambda path: str(path.relative_to(ROOT)))
def test_training_never_imports_app(path: Path) -> None:
    assert not [name for name in imports(path) if name.split(".")[0] == "app"]


@pytest.mark.parametrize("path", [each for each in of("app") if each.name != "runtime.py"], ids=lambda path: str(path.relative_to(ROOT)))
def test_only_runtime_knows_an_engine(path: Path) -> None:
    assert not [name for name in imports(path) if name.split(".")[0] in ("ai_edge_litert", "openvino", "tensorflow", "keras")]


HTTP = ("fastapi", "starlette", "uvicorn")
KNOW_HTTP = {
    "__main__.py",
    "access.py",
    "admission.py",
    "body_limits.py",
    "compression.py",
    "connection.py",
    "draining.py",
    "main.py",
    "openapi.py",
    "problems.py",
    "supervisor.py",
    "request_context.py",
    "route.py",
    "tracing.py",
    "uploads.py",
}


@pytest.mark.parametrize(
    "path",
    [each for each in of("app") if each.parent.name in ("app", "schemas") and each.name not in KNOW_HTTP],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_nothing_below_the_routes_knows_http(path: Path) -> None:
    names = imports(path)
    assert not [name for name in names if name.split(".")[0] in HTTP]
    assert not [name for name in names if name.startswith("app.routes")]


@pytest.mark.parametrize("path", [each for each in of("app") if each.parent.name != "cli"], ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_command_knows_its_libraries(path: Path) -> None:
    names = imports(path)
    assert not [name for name in names if name.split(".")[0] in ("typer", "rich", "httpx") or name.startswith("app.cli")]


def test_the_service_does_not_import_the_command() -> None:
    assert loaded("import app.__main__, app.main", "typer", "rich", "httpx", "app.cli") == []


def test_the_process_that_reads_neither_counts_nor_classifies() -> None:
    """It would count among the workers, and take their memory again."""
    reading = "import app.reader, app.tf_serving, app.open_inference"
    assert loaded(reading, "app.telemetry", "app.model", "prometheus_client", "fastapi", "uvicorn", "ai_edge_litert", "openvino") == []


def test_the_command_imports_what_it_needs() -> None:
    heavy = ("tensorflow", "fastapi", "httpx", "ai_edge_litert", "PIL", "numpy", "pydantic")
    assert loaded("import app.cli.commands", *heavy) == []
    boot = str(ROOT / "tests" / "data" / "ankle-boot.png")
    predict = f"from app.cli.commands import commands; commands(['predict', {boot!r}, '--table'], standalone_mode=False)"
    assert loaded(predict, *heavy) == ["PIL", "ai_edge_litert", "numpy", "pydantic"]


def loaded(code: str, *names: str) -> list[str]:
    """Which of the modules are there after the code has run."""
    code = f"import sys; {code}; sys.stderr.write(' '.join(sorted(set({names!r}) & set(sys.modules))))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stderr.split()


def test_importing_the_app_imports_no_tensorflow_and_no_engine() -> None:
    code = "import sys, app.__main__, app.main; print(sorted({'tensorflow', 'keras', 'ai_edge_litert', 'openvino'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_litert_runs_without_what_it_asks_for(models: Path) -> None:
    """The lock file of the service leaves it out."""
    absent = {"backports", "flatbuffers", "google", "ml_dtypes", "tqdm"}
    code = (
        "import sys, pathlib, numpy; from app.runtime import litert; "
        f"run = litert(pathlib.Path({str(models / 'cnn' / '1')!r})); run(numpy.zeros((3, 28, 28, 1), numpy.uint8)); "
        f"print(sorted({absent} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    lock = (ROOT / "requirements" / "serve.lock").read_text()
    assert not [name for name in ("flatbuffers", "ml-dtypes", "protobuf", "tqdm", "backports-strenum") if f"{name}==" in lock]
