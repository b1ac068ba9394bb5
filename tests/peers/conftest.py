"""The independent servers, each started once, and the packages that tests drive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.peers import npm_packages
from tests.peers.authlib_server import peer as authlib_peer
from tests.peers.django_server import peer as django_peer
from tests.peers.oauth2_server import peer as oauth2_peer
from tests.peers.oidc_provider import peer as oidc_peer
from tests.peers.served import CannotRun, Peer


@pytest.fixture(scope="session")
def npm_package() -> Callable[[str, str, str], Path]:
    """Gives the folder of an npm package, by name, version and digest; the test is skipped with the reason where it cannot be had."""

    def unpacked(name: str, version: str, integrity: str) -> Path:
        try:
            folder: Path = npm_packages.unpacked(name, version, integrity)
        except CannotRun as exc:
            pytest.skip(str(exc))
        return folder

    return unpacked


def _served(running: Callable[[Path], AbstractContextManager[Peer]], folder: Path) -> Iterator[Peer]:
    """A running peer; the test is skipped with the reason where its packages cannot be had."""
    try:
        with running(folder) as peer:
            yield peer
    except CannotRun as exc:
        pytest.skip(str(exc))


@pytest.fixture(scope="session")
def oidc_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """oidc-provider with its SMART layer."""
    yield from _served(oidc_peer.running, tmp_path_factory.mktemp("oidc-provider"))


@pytest.fixture(scope="session")
def authlib_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """Authlib's authorization server with its SMART layer."""
    yield from _served(authlib_peer.running, tmp_path_factory.mktemp("authlib"))


@pytest.fixture(scope="session")
def django_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """A Django server with django-oauth-toolkit and its SMART layer."""
    yield from _served(django_peer.running, tmp_path_factory.mktemp("django"))


@pytest.fixture(scope="session")
def oauth2_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """An express server with @node-oauth/oauth2-server and its SMART layer."""
    yield from _served(oauth2_peer.running, tmp_path_factory.mktemp("oauth2-server"))
