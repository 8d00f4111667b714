"""The manifests agree with the service, the image, the Compose file and each other; and each of these checks finds what does not."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from app.settings import Settings
from benchmarks.capacity import SHARE
from tests.deploy.manifests import BASE, DEPLOY, KSERVE, PUBLISH, S3, Manifest, compose, container, of_kind, pod, rendered, settings
from tests.deploy.restricted import violations
from tests.server import ROOT, Server

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
LABELS = {"app.kubernetes.io/name": "wardrobe"}
EACH = pytest.mark.parametrize("name", [BASE, S3])
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def read(name: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings that a kustomization's pods have."""
    for variable, value in settings(name).items():
        monkeypatch.setenv(variable, value)
    return Settings()


@EACH
def test_each_variable_is_a_setting(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {f"WARDROBE_{each.upper()}" for each in Settings.model_fields}
    assert settings(name).keys() <= known
    read(name, monkeypatch)


@EACH
def test_a_pod_ends_before_it_is_killed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = read(name, monkeypatch)
    slept = container(name)["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert slept + given.drain_seconds + given.graceful_shutdown_seconds + 10 <= pod(name)["terminationGracePeriodSeconds"]
    assert given.drain_seconds > Settings.model_fields["drain_seconds"].default  # ingress controllers keep connections


def test_the_compose_file_waits_as_long_as_the_service_needs() -> None:
    grace = float(compose()["stop_grace_period"].removesuffix("s"))
    assert grace > Settings.model_fields["drain_seconds"].default + Settings.model_fields["graceful_shutdown_seconds"].default


@EACH
def test_the_probes_ask_what_the_service_answers(name: str, server: Server) -> None:
    paths = {probe: container(name)[probe]["httpGet"]["path"] for probe in PROBES}
    assert paths == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    for path in paths.values():
        assert server.http.get(path, headers={"Host": "10.0.0.1:8000"}).status_code == 200


@EACH
def test_a_start_is_waited_for_longer_than_by_compose(name: str) -> None:
    probe = container(name)["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] > float(compose()["healthcheck"]["start_period"].removesuffix("s"))


@EACH
def test_a_stalled_pod_is_restarted_by_its_watchdog_first(name: str) -> None:
    """Which says where it stalls; the kubelet would only kill it."""
    probe = container(name)["livenessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] > Settings.model_fields["watchdog_seconds"].default


@EACH
def test_prometheus_finds_the_figures(name: str, server: Server) -> None:
    found = of_kind(rendered(name), "Deployment")["spec"]["template"]["metadata"]["annotations"]
    assert found["prometheus.io/scrape"] == "true"
    assert int(found["prometheus.io/port"]) == port(name)
    assert "\nwardrobe_http_requests_total" in server.http.get(found["prometheus.io/path"]).text


def port(name: str) -> int:
    [found] = container(name)["ports"]
    assert found["name"] == "http"
    return int(found["containerPort"])


@EACH
def test_every_port_is_the_services(name: str) -> None:
    assert port(name) == Settings.model_fields["port"].default
    assert f"\nEXPOSE {port(name)}\n" in DOCKERFILE
    assert of_kind(rendered(name), "Service")["spec"]["ports"] == [{"name": "http", "port": 80, "targetPort": "http"}]
    [rule] = of_kind(rendered(name), "NetworkPolicy")["spec"]["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": port(name)}]
    assert {container(name)[probe]["httpGet"]["port"] for probe in PROBES} == {"http"}


@EACH
def test_every_selector_finds_the_pods(name: str) -> None:
    manifests = rendered(name)
    deployment = of_kind(manifests, "Deployment")["spec"]
    assert deployment["template"]["metadata"]["labels"] == LABELS
    selectors = [
        deployment["selector"]["matchLabels"],
        of_kind(manifests, "Service")["spec"]["selector"],
        of_kind(manifests, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        of_kind(manifests, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        *(each["labelSelector"]["matchLabels"] for each in pod(name)["topologySpreadConstraints"]),
    ]
    assert selectors == [LABELS] * 6


@EACH
def test_pods_are_spread_over_nodes_and_zones(name: str) -> None:
    assert {each["topologyKey"] for each in pod(name)["topologySpreadConstraints"]} == {
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
    }


@EACH
def test_what_is_named_is_there(name: str) -> None:
    manifests = rendered(name)
    there = {(each["kind"], each["metadata"]["name"]) for each in manifests}
    assert {each["metadata"].get("namespace", "wardrobe") for each in manifests} == {"wardrobe"}
    target = of_kind(manifests, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    named = [(target["kind"], target["name"]), ("ServiceAccount", pod(name)["serviceAccountName"]), ("Namespace", "wardrobe")]
    named += [("ConfigMap", each["configMapRef"]["name"]) for each in container(name)["envFrom"] if "configMapRef" in each]
    named += [("PersistentVolumeClaim", claim) for claim in claims(pod(name))]
    assert set(named) <= there
    assert len(named) == (5 if name == BASE else 4)


def claims(spec: Manifest) -> list[str]:
    return [each["persistentVolumeClaim"]["claimName"] for each in spec["volumes"] if "persistentVolumeClaim" in each]


def test_the_models_are_read_only_but_for_whoever_publishes(monkeypatch: pytest.MonkeyPatch) -> None:
    [published] = of_kind(rendered(PUBLISH), "Pod")["spec"]["containers"]
    assert claims(of_kind(rendered(PUBLISH), "Pod")["spec"]) == claims(pod(BASE)) == ["wardrobe-models"]
    assert published["volumeMounts"] == [{"name": "models", "mountPath": "/models"}]
    assert {"name": "models", "mountPath": "/models", "readOnly": True} in container(BASE)["volumeMounts"]
    assert "WARDROBE_MODELS_DIR=/models" in DOCKERFILE
    assert "WARDROBE_MODELS_DIR" not in settings(BASE)


def test_what_the_store_needs_is_there() -> None:
    assert settings(S3)["WARDROBE_MODELS_DIR"].startswith("s3://")
    assert {"name": "cache", "mountPath": settings(S3)["WARDROBE_MODELS_CACHE"]} in container(S3)["volumeMounts"]
    assert {"name": "cache", "emptyDir": {"sizeLimit": "1Gi"}} in pod(S3)["volumes"]
    [secret] = [each["secretRef"] for each in container(S3)["envFrom"] if "secretRef" in each]
    assert secret == {"name": "wardrobe-object-store", "optional": True}
    assert not claims(pod(S3))


def test_the_keys_are_mounted_where_they_are_looked_for() -> None:
    folder, _, file = settings(S3)["WARDROBE_API_KEYS"].rpartition("/")
    assert {"name": "keys", "mountPath": folder, "readOnly": True} in container(S3)["volumeMounts"]
    [keys] = [each["secret"] for each in pod(S3)["volumes"] if each["name"] == "keys"]
    assert file == "keys.txt"
    assert keys["defaultMode"] & 0o037 == 0  # for the pod's group, and nobody else


COMPONENTS = {
    "api-keys": ({"models", "keys", "tmp"}, {"WARDROBE_API_KEYS"}),
    "s3": ({"cache", "tmp"}, {"WARDROBE_MODELS_CACHE"}),
}
"""The volumes and the settings that there are with each alone."""


@pytest.mark.parametrize("component", COMPONENTS)
def test_each_component_works_without_the_other(component: str, tmp_path: Path) -> None:
    above = os.path.relpath(DEPLOY / "kubernetes", tmp_path.resolve())
    parts = {"resources": [f"{above}/base"], "components": [f"{above}/components/{component}"]}
    (tmp_path / "kustomization.yaml").write_text(json.dumps(parts), encoding="utf-8")
    name, (volumes, more) = str(tmp_path), COMPONENTS[component]
    assert {each["name"] for each in pod(name)["volumes"]} == {each["name"] for each in container(name)["volumeMounts"]} == volumes
    assert settings(name).keys() - settings(BASE).keys() == more


def test_nothing_goes_out_but_to_the_store() -> None:
    assert of_kind(rendered(BASE), "NetworkPolicy")["spec"]["egress"] == []
    rules = of_kind(rendered(S3), "NetworkPolicy")["spec"]["egress"]
    assert [[(each["protocol"], each["port"]) for each in rule["ports"]] for rule in rules] == [[("UDP", 53), ("TCP", 53)], [("TCP", 443)]]
    for name in (BASE, S3):
        policy = of_kind(rendered(name), "NetworkPolicy")["spec"]
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        assert all(each.keys() == {"namespaceSelector"} for each in policy["ingress"][0]["from"])


@EACH
def test_the_limits_are_composes(name: str) -> None:
    ours, theirs = container(name)["resources"], compose()["deploy"]["resources"]["limits"]
    assert ours["limits"] == {"memory": theirs["memory"].upper() + "i"}
    [shared] = [each["tmpfs"]["size"] for each in compose()["volumes"] if each["type"] == "tmpfs"]
    [own] = [each["emptyDir"] for each in pod(name)["volumes"] if each["name"] == "tmp"]
    assert own == {"medium": "Memory", "sizeLimit": f"{shared // 2**20}Mi"}


@EACH
def test_a_rollout_and_a_drained_node_leave_enough_pods(name: str) -> None:
    scaler = of_kind(rendered(name), "HorizontalPodAutoscaler")["spec"]
    assert scaler["minReplicas"] - of_kind(rendered(name), "PodDisruptionBudget")["spec"]["maxUnavailable"] >= 1
    assert scaler["maxReplicas"] > scaler["minReplicas"]
    [metric] = scaler["metrics"]
    assert metric["resource"]["target"] == {"type": "Utilization", "averageUtilization": round(100 * SHARE)}
    deployment = of_kind(rendered(name), "Deployment")["spec"]
    assert deployment["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert "replicas" not in deployment
    assert "cpu" in container(name)["resources"]["requests"]  # of which the autoscaler takes a share


@EACH
def test_a_service_of_this_name_does_not_set_the_port(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kubernetes gives pods the addresses of the services of their namespace: WARDROBE_PORT would be one."""
    assert pod(name)["enableServiceLinks"] is False
    monkeypatch.setenv(f"{of_kind(rendered(name), 'Service')['metadata']['name'].upper()}_PORT", "tcp://10.96.0.10:80")
    with pytest.raises(ValidationError, match="port"):
        Settings()


@pytest.mark.parametrize("name", [BASE, S3, PUBLISH])
def test_pods_are_restricted(name: str) -> None:
    spec = of_kind(rendered(name), "Pod")["spec"] if name == PUBLISH else pod(name)
    assert violations(spec) == []
    assert spec["automountServiceAccountToken"] is False
    assert spec["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
    assert f"\nUSER {spec['securityContext']['runAsUser']}:{spec['securityContext']['runAsGroup']}\n" in DOCKERFILE
    assert spec["securityContext"]["fsGroup"] == spec["securityContext"]["runAsGroup"]


LAXER: list[Callable[[Any], object]] = [
    lambda spec: spec.update(hostNetwork=True),
    lambda spec: spec["volumes"].append({"name": "host", "hostPath": {"path": "/"}}),
    lambda spec: spec["securityContext"].pop("runAsNonRoot"),
    lambda spec: spec["securityContext"].update(runAsUser=0),
    lambda spec: spec["securityContext"].pop("seccompProfile"),
    lambda spec: spec["containers"][0]["ports"][0].update(hostPort=80),
    lambda spec: spec["containers"][0]["securityContext"].pop("allowPrivilegeEscalation"),
    lambda spec: spec["containers"][0]["securityContext"].update(privileged=True),
    lambda spec: spec["containers"][0]["securityContext"].update(capabilities={"drop": ["NET_RAW"]}),
    lambda spec: spec["containers"][0]["securityContext"]["capabilities"].update(add=["SYS_ADMIN"]),
    lambda spec: spec["containers"][0]["securityContext"].update(seccompProfile={"type": "Unconfined"}),
]


@pytest.mark.parametrize("change", LAXER)
def test_a_laxer_pod_is_not(change: Callable[[Any], object]) -> None:
    spec = deepcopy(pod(BASE))
    change(spec)
    assert len(violations(spec)) == 1


def test_the_namespace_refuses_what_is_not_restricted() -> None:
    assert of_kind(rendered(BASE), "Namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_kserve_finds_a_model_on_the_volume() -> None:
    service = of_kind(rendered(KSERVE), "InferenceService")
    found = re.fullmatch(r"pvc://([\w-]+)/(\w+)", service["spec"]["predictor"]["model"]["storageUri"])
    assert found
    claim, model = found.groups()
    assert [claim] == claims(pod(BASE))
    assert service["metadata"] == {"name": model, "namespace": "wardrobe"}
    versions = [each for each in (ROOT / "models" / model).iterdir() if each.name.isdecimal()]
    assert len(versions) > 1  # of which TensorFlow Serving takes the highest
    assert all((each / "saved_model.pb").is_file() for each in versions)
    assert service["spec"]["predictor"]["scaleTarget"] == round(100 * SHARE)
    assert service["spec"]["predictor"]["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
