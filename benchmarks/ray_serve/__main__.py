"""Ray Serve on a cluster of two nodes against the service alone: `python -m benchmarks.ray_serve`.

Both answer the same uploads on this machine, with one process that classifies and with two, in turn for several rounds; without HAProxy
there is one. The load generator runs on the same cores, and so does the cluster at rest while the service alone is measured: processor
time for a request is what to plan by, and in the table too. Results go to `results.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.ray_serve.cluster import Cluster
from benchmarks.ray_serve.release import release
from benchmarks.ray_serve.usage import usage
from benchmarks.serving import saturation
from benchmarks.serving.contestants import CONTESTANTS, Contestant
from benchmarks.serving.results import machine, median
from benchmarks.serving.server import Server
from benchmarks.serving.upload import ROOT, Upload, uploads

RESULTS = Path(__file__).parent / "results.json"
WARDROBE = next(each for each in CONTESTANTS if each.name == "wardrobe")
CONNECTIONS = 16
WARM_UP_S = 2
QUIET = 0.3
"""Processors that others may take, the cluster at rest among them."""
CORES = ",".join(map(str, range(os.cpu_count() or 1)))
TITLES = {"alone": "the service alone", "ray": "Ray Serve", "python-proxy": "Ray Serve without HAProxy"}


@dataclass(frozen=True)
class Deployed:
    """What the load generator has to know of a cluster."""

    contestant: Contestant
    url: str


def main() -> None:
    """Measure, print the table, store it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ray_serve", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    upload = uploads()[0]
    rounds: list[dict[str, Any]] = [{} for _ in range(options.rounds)]
    found: dict[str, Any] = {"machine": machine(), "rounds": options.rounds, "connections": CONNECTIONS, "idle_processors": {}}
    for name, haproxy in (("ray", "1"), ("python-proxy", "0")):
        with Cluster(_free_port, RAY_SERVE_ENABLE_HA_PROXY=haproxy) as cluster:
            cluster.add()
            code = release(cluster.folder / "wardrobe.zip")
            for number in (1, 2):
                scale(cluster, code, number)
                found["idle_processors"][f"{name} {number}"] = round(
                    usage(cluster.processes(), lambda: time.sleep(options.seconds)).processors, 3
                )
                for each in rounds if name == "ray" else rounds[:1]:  # it is not what anyone would choose
                    if name == "ray":
                        each[f"alone {number}"] = alone(upload, number, options.seconds)
                    each[f"{name} {number}"] = clustered(cluster, upload, options.seconds)
    found["rows"] = {}
    for key in rounds[0]:
        measured_in = [each for each in rounds if key in each]
        ratios = [each[key]["requests_per_s"] / each[f"alone {key[-1]}"]["requests_per_s"] for each in measured_in]
        found["rows"][key] = {**median([each[key] for each in measured_in]), "times_alone": round(statistics.median(ratios), 3)}
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print(table(found))


def scale(cluster: Cluster, code: Path, replicas: int) -> None:
    """Have the cluster serve the committed models by so many."""
    cluster.deploy(code, ROOT / "models", {}, {"min_replicas": replicas, "max_replicas": replicas})
    cluster.settle(replicas)


def alone(upload: Upload, workers: int, seconds: float) -> dict[str, float]:
    """The service by itself, with so many workers."""
    with Server(WARDROBE, upload, CORES, ("--workers", str(workers))) as server:
        saturation.saturate(server, upload, CONNECTIONS, WARM_UP_S, CORES)
        return measured(server, server.processes(), upload, seconds)


def clustered(cluster: Cluster, upload: Upload, seconds: float) -> dict[str, float]:
    """What the cluster does now."""
    deployed = Deployed(WARDROBE, f"http://127.0.0.1:{cluster.port}{WARDROBE.path}")
    saturation.saturate(deployed, upload, CONNECTIONS, WARM_UP_S, CORES)
    return measured(deployed, cluster.processes(), upload, seconds)


def measured(target: saturation.Target, processes: list[int], upload: Upload, seconds: float) -> dict[str, float]:
    """Requests per second, latencies in milliseconds, microseconds of processor time for a request, and what others took meanwhile."""
    used = usage(processes, lambda: saturation.saturate(target, upload, CONNECTIONS, seconds, CORES))
    return {**used.result, "processor_us": 1e6 * used.processors / used.result["requests_per_s"], "others_processors": used.others}


def table(found: dict[str, Any]) -> str:
    """The rows as Markdown."""
    lines = ["| server | requests/s | times alone | p50 / p99 | processor time for a request |", "| --- | --- | --- | --- | --- |"]
    for key, row in found["rows"].items():
        name, number = key.split()
        unit = "worker" if name == "alone" else "replica"
        title = f"{TITLES[name]}, {number} {unit}{'s' if number != '1' else ''}"
        latency = f"{row['p50_ms']:.1f} / {row['p99_ms']:.1f} ms"
        lines.append(f"| {title} | {row['requests_per_s']:,.0f} | {row['times_alone']:.2f} x | {latency} | {row['processor_us']:,.0f} us |")
    idle = ", ".join(f"{each:.2f}" for each in found["idle_processors"].values())
    about = found["machine"]
    shared = f"{about['cores']} cores of {about['cpu']}, which {about['load']} shares"
    lines += ["", f"Medians of {found['rounds']} rounds, {shared}. Processors that the cluster takes at rest: {idle}."]
    if (others := max(row["others_processors"] for row in found["rows"].values())) > QUIET:
        lines.append(f"NOT QUIET: others took up to {others:.2f} processors, so only the processor time for a request holds.")
    return "\n".join(lines)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
