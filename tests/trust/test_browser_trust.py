"""With ``ca_file`` the browser trusts that authority, and nothing else is waived."""

from __future__ import annotations

import contextlib
import itertools
import socket
import ssl
import threading

import pytest

from smartlaunch.browser import Browser, LoginPlan, find_browser

trustme = pytest.importorskip("trustme")


@contextlib.contextmanager
def answering(authority, name, answer):
    """A server over TLS that gives every request the same answer; yields its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.3)
    over = threading.Event()

    def serve():
        while not over.is_set():
            with contextlib.suppress(OSError), context.wrap_socket(listener.accept()[0], server_side=True) as conn:
                conn.settimeout(2)
                conn.recv(5000)
                conn.sendall(answer.encode())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        thread.join(timeout=4)
        listener.close()


def to(address):
    return f"HTTP/1.1 302 Found\r\nLocation: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@pytest.fixture
def own_browser(tmp_path):
    numbers = itertools.count(1)
    made = []

    def make(authority):
        path = tmp_path / "ca.pem"
        authority.cert_pem.write_to_path(str(path))
        browser = Browser(
            choice=find_browser(),
            on_exchange=lambda _e: None,
            next_id=lambda: f"t{next(numbers)}",
            on_screenshot=lambda name, _picture: name,
            step_timeout_s=4,
            login_timeout_s=15,
            ca_file=path,
        )
        made.append(browser)
        return browser

    yield make
    for browser in made:
        browser.close()


def test_a_host_of_the_authority_is_trusted_and_one_of_another_is_not(own_browser, callback):
    ours, theirs = trustme.CA(), trustme.CA()
    browser = own_browser(ours)
    with answering(ours, "localhost", to(f"{callback}?code=1")) as good, answering(theirs, "localhost", to(f"{callback}?code=2")) as bad:
        session = browser.session()
        assert session.go(f"https://localhost:{good}/a", catch=[callback], plan=LoginPlan()).value("code") == "1"
        landing = session.go(f"https://localhost:{bad}/a", catch=[callback], plan=LoginPlan())
    assert landing.kind == "unreachable"
    assert "not trusted" in landing.reason


def test_a_certificate_for_another_name_is_not_waived(own_browser, callback):
    ours = trustme.CA()
    with answering(ours, "elsewhere.example", to(f"{callback}?code=1")) as port:
        landing = own_browser(ours).session().go(f"https://localhost:{port}/a", catch=[callback], plan=LoginPlan())
    assert landing.kind == "unreachable"


def test_a_second_host_of_the_authority_on_the_way_is_trusted_too(own_browser, callback):
    ours = trustme.CA()
    with (
        answering(ours, "localhost", to(f"{callback}?code=1")) as second,
        answering(ours, "localhost", to(f"https://localhost:{second}/b")) as first,
    ):
        landing = own_browser(ours).session().go(f"https://localhost:{first}/a", catch=[callback], plan=LoginPlan())
    assert landing.value("code") == "1", landing.describe()
