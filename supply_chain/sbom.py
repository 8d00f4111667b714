"""The bill of materials of the serving image, CycloneDX: `python -m supply_chain.sbom`, or `make sbom`, writes `build/sbom.cdx.json`.

Its packages with the hashes of their files, as they are locked, and the published models with the hashes of theirs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from app import VERSION
from app.manifest import MANIFEST, verify
from supply_chain.locks import ROOT, SERVE

WRITTEN = ROOT / "build" / "sbom.cdx.json"
SCHEMA = SchemaVersion.V1_6


def bill() -> dict[str, Any]:
    """The document."""
    command: list[str | Path] = [sys.executable, "-m", "cyclonedx_py", "requirements", SERVE, "--pyproject", ROOT / "pyproject.toml"]
    options = ["--spec-version", SCHEMA.to_version(), "--output-reproducible", "--output-format", "JSON"]
    written = subprocess.run([*command, *options], capture_output=True, text=True, check=True).stdout
    document: dict[str, Any] = json.loads(written)
    document["metadata"]["component"]["version"] = VERSION
    document["components"] += [_model(folder) for folder in sorted(ROOT.glob("models/*/[1-9]*")) if folder.is_dir()]
    return validated(document)


def validated(document: dict[str, Any]) -> dict[str, Any]:
    """The document itself.

    Raises:
        ValueError: It does not follow CycloneDX's schema.
    """
    if wrong := JsonStrictValidator(SCHEMA).validate_str(json.dumps(document)):
        raise ValueError(f"the bill of materials does not follow CycloneDX {SCHEMA.to_version()}: {wrong}")
    return document


def _model(folder: Path) -> dict[str, Any]:
    name, version = folder.parent.name, folder.name
    verify(folder)
    digests = json.loads((folder / MANIFEST).read_bytes())["sha256"]
    return {
        "type": "machine-learning-model",
        "bom-ref": f"model-{name}-{version}",
        "name": name,
        "version": version,
        "components": [
            {
                "type": "file",
                "bom-ref": f"model-{name}-{version}/{path}",
                "name": path,
                "hashes": [{"alg": "SHA-256", "content": digest}],
            }
            for path, digest in sorted(digests.items())
        ],
    }


def main() -> int:
    """Write the document."""
    parser = argparse.ArgumentParser(prog="python -m supply_chain.sbom", description=__doc__)
    parser.add_argument("--output", type=Path, default=WRITTEN)
    options = parser.parse_args()
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(bill(), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
