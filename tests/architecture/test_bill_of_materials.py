"""The bill of materials names what the lock file names, digest by digest, and says the same for the same wheel."""

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def sbom():
    spec = importlib.util.spec_from_file_location("sbom", ROOT / ".ci" / "sbom.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_locked_package_is_in_it_with_its_digests(tmp_path):
    lock = (ROOT / "requirements.txt").read_text()
    wheel = tmp_path / "x.whl"
    wheel.write_bytes(b"wheel")
    made = sbom().document("1.2.3", lock, [wheel])
    assert made["bomFormat"] == "CycloneDX"
    parts = {part["name"]: part for part in made["components"]}
    locked = re.findall(r"(?m)^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==", lock)
    assert {name.lower() for name in locked} == set(parts)
    assert sum(len(part["hashes"]) for part in parts.values()) == lock.count("--hash=sha256:")
    assert all(part["hashes"] and re.fullmatch(r"pkg:pypi/[a-z0-9._-]+@\S+", part["purl"]) for part in parts.values())
    assert made == sbom().document("1.2.3", lock, [wheel])
    wheel.write_bytes(b"another")
    assert made["serialNumber"] != sbom().document("1.2.3", lock, [wheel])["serialNumber"]
