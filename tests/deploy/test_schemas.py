"""Every manifest is what Kubernetes and KServe define: real schemas, strictly, so that each misspelt field is found."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from tests.clients.conftest import PYTHON
from tests.deploy.manifests import BASE, KSERVE, PUBLISH, S3, Manifest, of_kind, rendered

OLDEST, NEWEST = "1.30", "1.37"
"""Versions of Kubernetes: the first that has the preStop sleep, and the latest whose schema there is."""
FREE = {"labels", "annotations", "matchLabels", "data", "requests", "limits", "Service.selector"}
"""Fields whose keys anyone may choose."""
ALWAYS = [
    "Namespace",
    "ServiceAccount",
    "ConfigMap",
    "Service",
    "Deployment",
    "PodDisruptionBudget",
    "HorizontalPodAutoscaler",
    "NetworkPolicy",
]
KINDS = {BASE: [*ALWAYS, "PersistentVolumeClaim"], S3: ALWAYS, PUBLISH: ["Pod"], KSERVE: ["InferenceService"]}
KUBERNETES = [(name, kind) for name, kinds in KINDS.items() for kind in kinds if name != KSERVE]


@pytest.fixture(scope="module", autouse=True)
def read_once() -> Iterator[None]:
    """Each schema, which the validator would read again for each manifest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kubernetes_validate.utils.schema_contents", cache(kubernetes_validate.utils.schema_contents))
        yield


@pytest.mark.parametrize("name", KINDS)
def test_what_there_is(name: str) -> None:
    assert sorted(each["kind"] for each in rendered(name)) == sorted(KINDS[name])


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize(("name", "kind"), KUBERNETES)
def test_a_manifest_is_what_kubernetes_defines(name: str, kind: str, version: str) -> None:
    assert kubernetes_validate.validate(of_kind(rendered(name), kind), version, strict=True) == version


@pytest.mark.parametrize("kind", KINDS[BASE])
def test_each_misspelt_field_is_found(kind: str) -> None:
    passed = []
    for field, case in misspelt(of_kind(rendered(BASE), kind)):
        try:
            kubernetes_validate.validate(case, NEWEST, strict=True)
        except kubernetes_validate.ValidationError:
            continue
        passed.append(field)
    assert passed == []


def test_a_manifest_is_what_kserve_defines() -> None:
    assert wrong(*rendered(KSERVE)) == [[]]


def test_each_misspelt_field_of_kserves_is_found() -> None:
    [manifest] = rendered(KSERVE)
    fields, cases = zip(*misspelt(manifest), strict=True)
    assert {"storageUri", "runtime", "scaleTarget", "seccompProfile"} <= {field.rpartition(".")[2] for field in fields}
    assert [field for field, found in zip(fields, wrong(*cases), strict=True) if not found] == []


def test_a_value_of_another_type_is_found() -> None:
    [manifest] = rendered(KSERVE)
    changed = deepcopy(manifest)
    changed["spec"]["predictor"]["scaleTarget"] = "60"
    assert wrong(changed) == [[".spec.predictor.scaleTarget is '60', not a int"]]
    autoscaler = deepcopy(of_kind(rendered(BASE), "HorizontalPodAutoscaler"))
    autoscaler["spec"]["maxReplicas"] = "ten"
    with pytest.raises(kubernetes_validate.ValidationError, match="'ten' is not of type 'integer'"):
        kubernetes_validate.validate(autoscaler, NEWEST, strict=True)


def wrong(*manifests: Manifest) -> list[list[str]]:
    """What KServe's types say against each of the manifests."""
    assert PYTHON.exists(), f"{PYTHON} is missing: `make clients` installs it"
    command: list[str | Path] = [PYTHON, Path(__file__).parent / "kserve_types.py"]
    done = subprocess.run(command, input=json.dumps(manifests), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: list[list[str]] = json.loads(done.stdout)
    return found


def misspelt(manifest: Manifest) -> Iterator[tuple[str, Manifest]]:
    """The manifest once for each field below its kind and version, with a letter more in its name; and which field it was."""
    free = {each.removeprefix(f"{manifest['kind']}.") for each in FREE}
    for path in _fields(manifest, (), free):
        if path in (("apiVersion",), ("kind",)):
            continue  # another kind, not another field
        changed = deepcopy(manifest)
        *above, last = path
        inner: Any = changed
        for each in above:
            inner = inner[each]
        inner[f"{last}x"] = inner.pop(last)
        yield ".".join(map(str, path)), changed


def _fields(value: Any, path: tuple[str | int, ...], free: set[str]) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, list):
        for place, each in enumerate(value):
            yield from _fields(each, (*path, place), free)
    elif isinstance(value, dict) and (not path or path[-1] not in free):
        for name, each in value.items():
            yield (*path, name)
            yield from _fields(each, (*path, name), free)
