"""Each peer's own environment, made from its lock file, and how much it takes on disk."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from benchmarks.serving.upload import ROOT

FOLDER = ROOT / "build" / "peers"
LOCKS = ROOT / "benchmarks" / "peers" / "requirements"
SERVE_LOCK = ROOT / "requirements" / "serve.lock"
OURS = "wardrobe"


def interpreter(name: str | None) -> Path:
    """The Python of the environment `name`, made if it is not there or its lock file has changed; without a name, this one."""
    return Path(sys.executable) if name is None else _environment(name, LOCKS / f"{name}.lock") / "bin" / "python"


def megabytes(name: str | None) -> float:
    """What the packages of an environment take on disk, pip and its like left out; without a name, what serving Wardrobe needs."""
    home = _environment(name or OURS, LOCKS / f"{name}.lock" if name else SERVE_LOCK)
    tools = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence.pth")
    packages = [each for each in (home / "lib").glob("python*/site-packages/*") if not each.name.startswith(tools)]
    files = [file for each in packages for file in (each.rglob("*") if each.is_dir() else [each])]
    return sum(file.stat().st_blocks * 512 for file in files if file.is_file() and not file.is_symlink()) / 1e6


def versions(name: str | None) -> dict[str, str]:
    """The versions of what matters for speed in an environment."""
    search = None if name is None else [str(each) for each in _environment(name, LOCKS / f"{name}.lock").glob("lib/python*/site-packages")]
    found = metadata.distributions(path=search) if search else metadata.distributions()
    wanted = {
        "fastapi",
        "starlette",
        "uvicorn",
        "ai-edge-litert",
        "tensorflow-cpu",
        "tensorflow",
        "keras",
        "litserve",
        "bentoml",
        "mlserver",
        "ray",
    }
    return {each.name.lower(): each.version for each in sorted(found, key=lambda each: each.name.lower()) if each.name.lower() in wanted}


def _environment(name: str, lock: Path) -> Path:
    home = FOLDER / name
    copy = home / "installed.lock"
    if not copy.exists() or copy.read_bytes() != lock.read_bytes():
        print(f"installing {name}: {lock.relative_to(ROOT)}", flush=True)
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        pip = [str(home / "bin" / "pip"), "install", "-q", "--disable-pip-version-check", "--no-deps", "--require-hashes", "-r", str(lock)]
        subprocess.run(pip, check=True)
        shutil.copy(lock, copy)
    return home
