"""The manifests of `deploy/`, as the real kubectl renders them, and what is looked up in them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from functools import cache
from typing import Any

import yaml

from tests.server import ROOT

DEPLOY = ROOT / "deploy"
BASE, S3, KSERVE = "kubernetes", "kubernetes/overlays/s3", "kserve"
PUBLISH = "kubernetes/publish.yaml"

Manifest = dict[str, Any]


def _kubectl() -> str:
    """The one that `make kubectl` got, or else the one in the path."""
    own = ROOT / "build" / "kubectl"
    found = str(own) if own.exists() else shutil.which("kubectl")
    assert found, "kubectl is missing: `make kubectl` installs it"
    return found


@cache
def rendered(name: str) -> tuple[Manifest, ...]:
    """What a kustomization below `deploy/` is made to, or a file of manifests holds."""
    path = DEPLOY / name
    if path.is_file():
        text = path.read_text(encoding="utf-8")
    else:
        done = subprocess.run([_kubectl(), "kustomize", path], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""  # nothing in it is deprecated
        text = done.stdout
    return tuple(yaml.safe_load_all(text))


def of_kind(manifests: Iterable[Manifest], kind: str) -> Manifest:
    """The only manifest of a kind."""
    [found] = [each for each in manifests if each["kind"] == kind]
    return found


def pod(name: str) -> Manifest:
    """The specification of a kustomization's pods."""
    spec: Manifest = of_kind(rendered(name), "Deployment")["spec"]["template"]["spec"]
    return spec


def container(name: str) -> Manifest:
    """The only container of these."""
    [found] = pod(name)["containers"]
    return dict(found)


def settings(name: str) -> dict[str, str]:
    """The environment that a kustomization gives its pods."""
    data: dict[str, str] = of_kind(rendered(name), "ConfigMap")["data"]
    return data


def compose() -> Manifest:
    """The service `app` of the Compose file."""
    service: Manifest = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]["app"]
    return service
