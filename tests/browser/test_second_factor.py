"""A second factor by an authenticator app: the code is computed and sent once."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from smartlaunch.browser.one_time_code import one_time_code
from smartlaunch.errors import UsageError

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
"""The key of RFC 6238 appendix B, "12345678901234567890", in base32."""


@pytest.mark.parametrize(("at", "code"), [(59, "94287082"), (1111111109, "07081804"), (2000000000, "69279037"), (20000000000, "65353130")])
def test_the_codes_are_those_of_the_rfc(at, code):
    address = f"otpauth://totp/EHR:lena?secret={SECRET}&digits=8"
    assert one_time_code(address, at) == code
    assert one_time_code(SECRET, at) == code[-6:]
    assert one_time_code(SECRET.lower().replace("g", "g ", 1), at) == code[-6:]


@pytest.mark.parametrize(("algorithm", "code"), [("SHA256", "46119246"), ("SHA512", "90693936")])
def test_other_hashes_are_those_of_the_rfc(algorithm, code):
    from base64 import b32encode

    length = {"SHA256": 32, "SHA512": 64}[algorithm]
    key = b32encode((b"1234567890" * 7)[:length]).decode()
    assert one_time_code(f"otpauth://totp/x?secret={key}&digits=8&algorithm={algorithm}", 59) == code


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "not base32!",
        "otpauth://totp/x?digits=6",
        "otpauth://totp/x?secret=GEZDGNBV&algorithm=MD2",
        "otpauth://totp/x?secret=GEZDGNBV&period=0",
    ],
)
def test_what_is_no_secret_is_said_without_showing_it(secret):
    if secret == "":
        assert len(one_time_code("")) == 6
        return
    with pytest.raises(UsageError, match="no secret of an authenticator app") as raised:
        one_time_code(secret)
    assert secret not in str(raised.value)


def pages(site, callback, field="<input name='otp' autocomplete='one-time-code' inputmode='numeric'>", again=False):
    site.html(
        "/authorize",
        "<form method='post' action='/second'><label>User name <input name='user'></label><label>Password <input name='password' type='password'></label><button>Sign in</button></form>",
        title="Sign in",
    )
    form = f"<h1>Verify it's you</h1><p>Enter the code of your authenticator app</p><form method='post' action='/checked'>{field}<button>Verify</button></form>"
    site.html("/second", form, title="Second step")
    if again:
        site.html("/checked", f"<p role='alert'>The code is wrong</p>{form}", title="Second step")
    else:
        site.redirect("/checked", f"{callback}?code=1", 303)


def codes():
    """The codes of now and of the half minute before, since one may have passed meanwhile."""
    return {one_time_code(SECRET), one_time_code(SECRET, time.time() - 30)}


def test_the_code_is_filled_in(site, person, plan, callback):
    pages(site, callback)
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=replace(plan, totp_secret=SECRET))
    assert landing.caught, landing.describe()
    assert site.one("/checked").value("otp") in codes()
    assert SECRET not in repr(landing) + repr(replace(plan, totp_secret=SECRET))


def test_a_field_for_each_digit_gets_one(site, person, plan, callback):
    pages(
        site,
        callback,
        "".join(
            f"<input name='d{n}' maxlength='1' aria-label='Verification code digit {n}' autocomplete='one-time-code'>" for n in range(6)
        ),
    )
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=replace(plan, totp_secret=SECRET))
    assert landing.caught, landing.describe()
    visit = site.one("/checked")
    assert "".join(visit.value(f"d{n}") for n in range(6)) in codes()


def test_a_code_that_is_not_taken_is_sent_once(site, person, plan, callback):
    pages(site, callback, again=True)
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=replace(plan, totp_secret=SECRET))
    assert not landing.caught
    assert "the one-time code was not taken" in landing.reason
    assert len(site.seen("/checked")) == 1


def test_without_a_secret_the_page_is_told_with_the_key_to_write(site, person, plan, callback):
    pages(site, callback)
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=plan)
    assert landing.obstacle == "second-factor"
    assert "totp_secret" in landing.reason
    assert 'role = "one-time-code"' in landing.proposal
