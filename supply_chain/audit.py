"""Known vulnerabilities of every locked package, on whatever machine it is locked for: `python -m supply_chain.audit`, or `make audit`.

pip-audit asks Python's package index, and for what that has no answer the OSV database. Exit status 1 where a version is vulnerable,
2 where a package could not be asked about, unless `--unasked-allowed` lets that pass, which is said all the same.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from supply_chain.locks import LOCKS, ROOT, read

SERVICES = ("pypi", "osv")

Package = tuple[str, str]
"""Name and version."""


def main() -> int:
    """Ask and print."""
    parser = argparse.ArgumentParser(prog="python -m supply_chain.audit", description=__doc__)
    parser.add_argument("locks", nargs="*", type=Path, default=LOCKS, help="lock files (default: all)")
    parser.add_argument("--service", action="append", choices=SERVICES, help="ask only this one")
    parser.add_argument("--unasked-allowed", action="store_true", help="exit status 0 where a package could not be asked about")
    options = parser.parse_args()
    used: dict[Package, list[str]] = {}
    for lock in options.locks:
        for pin in read(lock):
            used.setdefault((pin.name, pin.version), []).append(lock.stem if lock.parent.name == "requirements" else str(lock))
    waiting, vulnerable = sorted(used), 0
    for service in options.service or SERVICES:
        answered, why = ask(service, waiting)
        for package in sorted(answered):
            for found in answered[package]:
                fixed = ", ".join(found["fix_versions"]) or "no version yet"
                ids = ", ".join([found["id"], *found["aliases"]])
                print(f"VULNERABLE: {' '.join(package)} (locked for {', '.join(used[package])}): {ids}; fixed in {fixed}")
                vulnerable += 1
        waiting = [each for each in waiting if each not in answered]
        print(f"{service}: asked about {len(answered)} of {len(answered) + len(waiting)} packages{why}")
        if not waiting:
            break
    print(f"{len(used)} packages in {len(options.locks)} lock files: {vulnerable} known vulnerabilities, {len(waiting)} NOT ASKED ABOUT")
    if waiting:
        print(f"NOT ASKED ABOUT, so nothing is known of them here: {', '.join(' '.join(each) for each in waiting)}")
    return 1 if vulnerable else 2 if waiting and not options.unasked_allowed else 0


def ask(service: str, packages: Sequence[Package]) -> tuple[dict[Package, list[dict[str, Any]]], str]:
    """The vulnerabilities of each package that the service knows, and why it knows no more of them."""
    answered: dict[Package, list[dict[str, Any]]] = {}
    reasons: set[str] = set()
    for batch in _batches(packages):
        report, why = _pip_audit(service, batch)
        reasons |= {why} if why else set()
        for each in report:
            if "skip_reason" in each:
                reasons.add("it does not know the rest")
            else:
                answered[each["name"], each["version"]] = each["vulns"]
    return answered, f": {', '.join(sorted(reasons))}" if reasons else ""


def _batches(packages: Sequence[Package]) -> list[list[Package]]:
    """In each, a name once: a lock for all machines may have two versions of one package."""
    batches: list[list[Package]] = []
    for package in packages:
        batch = next((each for each in batches if package[0] not in {name for name, _ in each}), None)
        if batch is None:
            batches.append(batch := [])
        batch.append(package)
    return batches


def _pip_audit(service: str, packages: Sequence[Package]) -> tuple[list[dict[str, Any]], str]:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("".join(f"{name}=={version}\n" for name, version in packages))
        file.flush()
        command = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "-r", file.name]
        options = ["--vulnerability-service", service, "--format", "json", "--aliases", "on", "--progress-spinner", "off"]
        done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        return json.loads(done.stdout)["dependencies"], ""
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        return [], f"no answer ({last[:120]})"


if __name__ == "__main__":
    sys.exit(main())
