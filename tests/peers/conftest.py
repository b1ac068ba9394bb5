"""The independent servers, each started once, and the packages that tests drive."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"peers_{path.parent.name}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


peer = _load(HERE / "oidc_provider" / "peer.py")
authlib_peer = _load(HERE / "authlib_server" / "peer.py")
npm_packages = _load(HERE / "npm_packages.py")


@pytest.fixture(scope="session")
def npm_package() -> Callable[[str, str, str], Path]:
    """Gives the folder of an npm package, by name, version and digest; the test is skipped with the reason where it cannot be had."""

    def unpacked(name: str, version: str, integrity: str) -> Path:
        try:
            folder: Path = npm_packages.unpacked(name, version, integrity)
        except npm_packages.CannotFetch as exc:
            pytest.skip(str(exc))
        return folder

    return unpacked


@pytest.fixture(scope="session")
def oidc_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """oidc-provider with its SMART layer; skipped with the reason where it cannot be had."""
    folder = tmp_path_factory.mktemp("oidc-provider")
    try:
        with peer.running(folder) as running:
            yield running
    except peer.CannotRun as exc:
        pytest.skip(str(exc))


@pytest.fixture(scope="session")
def authlib_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """Authlib's authorization server with its SMART layer."""
    with authlib_peer.running(tmp_path_factory.mktemp("authlib")) as running:
        yield running
