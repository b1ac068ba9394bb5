"""Opening the first address of a walk."""

from __future__ import annotations

import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from smartlaunch.addresses import is_link_local
from smartlaunch.browser.recording import failure_code
from smartlaunch.browser.walk.state import End, Walk


def open_address(walk: Walk, url: str, method: str, form: Sequence[tuple[str, str]]) -> None:
    """Send the browser to an address, by GET or by a form; where that leads is seen by looking."""
    from playwright.sync_api import Error
    from playwright.sync_api import TimeoutError as Late

    refusal = unsafe(url, walk.net.home)
    if refusal:
        raise End("unreachable", refusal)
    page = walk.window.page()
    walk.expecting = time.monotonic()
    walk.beat()
    try:
        if method.upper() == "POST":
            page.goto("about:blank")
            page.evaluate(_POST_SCRIPT, [url, [list(pair) for pair in form]])
        else:
            page.goto(url, wait_until="commit", timeout=walk.step_s * 1000)
    except Late:
        if walk.caught is None:
            raise End("timeout", f"{urlsplit(url).netloc} did not answer within {walk.step_s:g} s") from None
    except Error as error:
        walk.pump(1)
        if walk.caught is None:
            _note_failure(walk, url, error)


def unsafe(url: str, home: str) -> str:
    """Why an address is not opened, or an empty string: what a document names may be a file or the cloud's own service.

    ``home`` is the host of the server under test; one that lives at a link-local address is opened there.
    """
    parts = urlsplit(url)
    if parts.scheme.lower() not in ("http", "https"):
        return f"an address of the scheme `{parts.scheme}` is not opened; only http and https are"
    host = (parts.hostname or "").rstrip(".")
    if host != home and is_link_local(host):
        return f"{host} is a link-local address, where clouds keep their metadata; it is not opened"
    return ""


def _note_failure(walk: Walk, url: str, error: Exception) -> None:
    """Keep why nothing came, unless it was a download or the page that sends the browser on at once."""
    code = failure_code(str(error))
    if walk.failure is None and code and code not in ("ERR_ABORTED", "ERR_UNKNOWN_URL_SCHEME"):
        walk.failure = (url, code)
    elif not code and "interrupted by another navigation" not in str(error) and "Download" not in str(error):
        raise error


_POST_SCRIPT = """
([url, pairs]) => {
  const form = document.createElement('form');
  form.method = 'post';
  form.action = url;
  form.acceptCharset = 'utf-8';
  for (const [name, value] of pairs) {
    const field = document.createElement('input');
    field.type = 'hidden';
    field.name = name;
    field.value = value;
    form.appendChild(field);
  }
  document.body.appendChild(form);
  HTMLFormElement.prototype.submit.call(form);
}
"""
