"""What libraries log while a run goes names no secret."""

import logging

from smartlaunch.evidence import Redactor
from smartlaunch.plugin.logs import keep_secrets_out


def test_debug_lines_show_neither_state_nor_credentials(caplog):
    redactor = Redactor()
    redactor.learn("client_secret", "s3cret-of-the-client")
    undo = keep_secrets_out(redactor.text)
    try:
        with caplog.at_level(logging.DEBUG):
            log = logging.getLogger("httpcore.http11")
            log.debug("send_request %r", ("GET", "https://h.example.org/authorize?client_id=a&state=st4te-0f-th1s-run&launch=l4unch-value"))
            log.debug("headers=%r", [(b"Authorization", b"Bearer t0ken-that-n0body-sees"), (b"X-A", b"s3cret-of-the-client")])
            try:
                int("s3cret-of-the-client")
            except ValueError:
                log.exception("it broke")
            log.debug("%d of them", "no number")
    finally:
        undo()
    said = caplog.text
    for secret in ("st4te-0f-th1s-run", "l4unch-value", "t0ken-that-n0body-sees", "s3cret-of-the-client"):
        assert secret not in said
    assert "client_id=a" in said
    assert "ValueError" in said
    assert "could not be read" in said


def test_factory_is_given_back():
    before = logging.getLogRecordFactory()
    keep_secrets_out(str)()
    assert logging.getLogRecordFactory() is before
