"""The Pod Security Standard `restricted`, as Kubernetes documents it, of a pod's specification."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Spec = dict[str, Any]

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
PROFILES = ("RuntimeDefault", "Localhost")


def violations(spec: Spec) -> list[str]:
    """What the standard forbids in it; empty where a namespace that enforces it takes the pod in."""
    found = [f"{each} is set" for each in ("hostNetwork", "hostPID", "hostIPC") if spec.get(each)]
    for volume in spec.get("volumes", []):
        found += [f"volume {volume['name']} is a {kind}" for kind in volume.keys() - {"name"} - VOLUMES]
    for container in spec["containers"] + spec.get("initContainers", []):
        found += [f"{container['name']}: {each}" for each in _of_container(container, spec.get("securityContext", {}))]
    return found


def _of_container(container: Spec, shared: Spec) -> Iterator[str]:
    own = container.get("securityContext", {})
    context = shared | own
    if any("hostPort" in each for each in container.get("ports", [])):
        yield "a port of the host"
    if own.get("privileged"):
        yield "privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation is not false"
    if context.get("runAsNonRoot") is not True:
        yield "runAsNonRoot is not true"
    if context.get("runAsUser") == 0:
        yield "runAsUser is 0"
    if context.get("seccompProfile", {}).get("type") not in PROFILES:
        yield "no seccompProfile"
    capabilities = own.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", []):
        yield "capabilities are kept"
    if set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        yield "capabilities are added"
