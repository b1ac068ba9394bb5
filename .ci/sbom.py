"""Writes ``dist/sbom.cdx.json``: what the wheel brings with it, by the locked versions and their digests (CycloneDX 1.6).

python .ci/sbom.py [DIST]
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import uuid
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)([^\\\n]*)")
_DIGEST = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def components(lock: str) -> list[dict[str, Any]]:
    """One component for each locked package."""
    found: list[dict[str, Any]] = []
    for line in lock.splitlines():
        pinned = _PINNED.match(line)
        if pinned:
            name, version = pinned.group(1).lower(), pinned.group(2)
            purl = f"pkg:pypi/{name}@{version}"
            found.append({"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl, "hashes": []})
        elif found and (digest := _DIGEST.search(line)):
            found[-1]["hashes"].append({"alg": "SHA-256", "content": digest.group(1)})
    return found


def document(version: str, lock: str, wheels: list[Path]) -> dict[str, Any]:
    """The bill of materials; its serial number follows from what is in it, so that it comes out the same for the same wheel."""
    parts = components(lock)
    own = f"pkg:pypi/smart-launch-conformance@{version}"
    digests = [{"alg": "SHA-256", "content": hashlib.sha256(wheel.read_bytes()).hexdigest()} for wheel in wheels]
    seed = json.dumps([own, digests, [part["purl"] for part in parts]])
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, seed)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": "smart-launch-conformance",
                "version": version,
                "purl": own,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
                "hashes": digests,
            }
        },
        "components": parts,
        "dependencies": [{"ref": own, "dependsOn": [part["bom-ref"] for part in parts]}],
    }


def main() -> int:
    dist = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist"
    found = re.search(r'__version__ = "([^"]+)"', (ROOT / "smartlaunch" / "__init__.py").read_text(encoding="utf-8"))
    assert found is not None
    lock = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    target = dist / "sbom.cdx.json"
    target.write_text(json.dumps(document(found.group(1), lock, sorted(dist.glob("*.whl"))), indent=1) + "\n", encoding="utf-8")
    print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
