"""Every method and path of the service, for what holds of all of them."""

from __future__ import annotations

from tests.server import Server

PROBES = ("/healthz", "/readyz", "/v2/health/live", "/v2/health/ready")


def filled(path: str) -> str:
    return path.format(name="cnn", version=1, plot="confusion_matrix.png")


def operations(server: Server) -> list[tuple[str, str]]:
    """Every method and path of the service."""
    paths = server.http.get("/openapi.json").json()["paths"]
    return [(method.upper(), filled(path)) for path, described in paths.items() for method in described]
