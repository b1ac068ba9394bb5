"""One failing token request in every form in which people hand it on, as text or as the bytes of a file.

The request carries secrets of every kind, so that the same forms show that none is given back.
"""

import base64
import copy
import gzip
import io
import json
import zipfile
from urllib.parse import quote, urlencode

from smartlaunch.evidence.facts import s256

APP = "https://app.example.org"
AUTH = "https://auth.example.org"
CODE = "c0de-Pl4nted-5ecret-11"
VERIFIER = "v3rifier-Pl4nted-5ecret-0123456789-abcdefghijk"
PASSWORD = "pa55-Pl4nted-5ecret-22"
COOKIE = "c00kie-Pl4nted-5ecret-33"
STATE = "st4te-Pl4nted-5ecret-44-0123456789"
LAUNCH = "l4unch-Pl4nted-5ecret-55"
BEARER = "b34rer-Pl4nted-5ecret-66"
ASSERTION = ".".join(
    base64.urlsafe_b64encode(part.encode()).decode().rstrip("=")
    for part in ('{"alg":"RS384","kid":"k1"}', '{"iss":"c1","sub":"c1","aud":"https://auth.example.org/token","exp":9,"jti":"j"}')
) + ".c2lnbmF0dXJlLVBsNG50ZWQtNWVjcmV0"  # fmt: skip
SECRETS = (CODE, VERIFIER, PASSWORD, COOKIE, STATE, LAUNCH, BEARER, ASSERTION, "c2lnbmF0dXJlLVBsNG50ZWQtNWVjcmV0")

FORM = {
    "grant_type": "authorization_code",
    "code": CODE,
    "redirect_uri": f"{APP}/cb",
    "code_verifier": VERIFIER,
    "client_id": "client-1",
}
BASIC = base64.b64encode(f"client-1:{PASSWORD}".encode()).decode()
HEADERS = {
    "Content-Type": "application/x-www-form-urlencoded",
    "Authorization": f"Basic {BASIC}",
    "Cookie": f"SESSION={COOKIE}",
}
AUTHORIZE = (
    f"{AUTH}/authorize?"
    + urlencode(
        {
            "response_type": "code",
            "client_id": "client-1",
            "redirect_uri": f"{APP}/cb",
            "scope": "launch openid fhirUser patient/Patient.rs",
            "state": STATE,
            "aud": "https://ehr.example.org/fhir",
            "launch": LAUNCH,
            "code_challenge": s256(VERIFIER),
            "code_challenge_method": "S256",
        }
    )
)  # fmt: skip
BACK = f"{APP}/cb?" + urlencode({"code": CODE, "state": STATE})


def texts(body, status=400):
    """The forms that are pasted as text; ``body`` is the error body of the token endpoint."""
    said = json.dumps(body)
    request = "\n".join(["POST /token HTTP/1.1", "Host: auth.example.org", *(f"{k}: {v}" for k, v in HEADERS.items()), "", urlencode(FORM)])
    answer = f"HTTP/1.1 {status} Bad Request\nContent-Type: application/json\nCache-Control: no-store\n\n{said}"
    data = " \\\n  ".join(f"-d '{k}={v}'" for k, v in FORM.items())
    error, words = body["error"], body["error_description"]
    return {
        "body": said,
        "body over lines": json.dumps(body, indent=2),
        "axios": json.dumps({"data": body, "statusText": "Bad Request", "status": status}),
        "axios error": json.dumps(
            {
                "message": f"Request failed with status code {status}",
                "name": "AxiosError",
                "code": "ERR_BAD_REQUEST",
                "config": {"url": f"{AUTH}/token", "method": "post", "headers": HEADERS, "data": urlencode(FORM)},
                "response": {"status": status, "headers": {"content-type": "application/json"}, "data": body},
            }
        ),
        "nested": json.dumps({"error": {"status": status, "details": body}}),
        "list": json.dumps({"errors": [body]}),
        "lambda": json.dumps({"statusCode": status, "body": said}),
        "python": repr({**body, "status_code": status, "token": None}),
        "console object": f"{{\n  error: '{error}',\n  error_description: '{words}',\n  retry: undefined,\n}}",
        "xml": f"<?xml version='1.0'?><OAuth><error>{error}</error><error_description>{words}</error_description></OAuth>",
        "form body": urlencode(body),
        "query alone": "?" + urlencode(body),
        "raw answer": answer,
        "raw request and answer": request + "\n\n" + answer,
        "curl": (
            f"curl -i -X POST {AUTH}/token \\\n  -u 'client-1:{PASSWORD}' \\\n  -H 'Cookie: SESSION={COOKIE}' \\\n  {data}\n\n{answer}"
        ),
        "curl of Windows": f'curl.exe ^\n -X POST "{AUTH}/token" ^\n -u "client-1:{PASSWORD}" ^\n --data-raw "{urlencode(FORM)}"\n\n{said}',
        "curl -v": "\n".join(["> " + line for line in request.split("\n\n")[0].split("\n")])
        + "\n> \n"
        + "\n".join("< " + line for line in answer.split("\n\n", maxsplit=1)[0].split("\n"))
        + f"\n< \n{said}",
        "log line": f"2026-02-03 10:00:00,123 ERROR [http-nio-8080] c.e.TokenClient - token request failed: {said}",
        "log in JSON": json.dumps({"level": "info", "time": 1, "msg": "exchanging the code", "code": CODE, "state": STATE})
        + "\n"
        + json.dumps({"level": "error", "time": 2, "msg": f"token request failed: {said}", "headers": HEADERS}),
        "exception": f"oauthlib.oauth2.rfc6749.errors.CustomOAuth2Error: ({error}) {words}",
        "page": f"<!doctype html><html><head><title>Error</title></head><body><h1>{error}</h1><p>{words}</p>"
        f'<input type="hidden" name="state" value="{STATE}"></body></html>',
        "forum post": (
            f"Hello everyone,\n\nwe launch our app from the EHR and the token request fails. The authorize URL is\n\n{AUTHORIZE}\n\nand the browser "
            f"comes back to {BACK}. Then we send\n\n```\ncurl {AUTH}/token -u client-1:{PASSWORD} \\\n  {data}\n```\n\nand get\n\n```json\n{said}\n```\n\n"
            "Any idea what we do wrong? Thanks!"
        ),
        "address and body": f"{AUTHORIZE}\n{said}",
        "observation": json.dumps({"vendor": "other", "error": error, "error_description": words, "token_request": urlencode(FORM)}),
        "Postman": json.dumps(_postman(body, status)),
        "array of entries": json.dumps(har(body, status)["log"]["entries"]),
    }


def _postman(body, status):
    rows = [{"key": k, "value": v} for k, v in FORM.items()]
    auth = {"type": "basic", "basic": [{"key": "username", "value": "client-1"}, {"key": "password", "value": PASSWORD}]}
    saved = {
        "code": status,
        "status": "Bad Request",
        "header": [{"key": "Content-Type", "value": "application/json"}],
        "body": json.dumps(body),
    }
    request = {
        "method": "POST",
        "url": {"raw": f"{AUTH}/token"},
        "header": [],
        "body": {"mode": "urlencoded", "urlencoded": rows},
        "auth": auth,
    }
    schema = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
    return {
        "info": {"name": "x", "schema": schema},
        "item": [{"name": "token", "item": [{"name": "t", "request": request, "response": [saved]}]}],
    }


def har(body, status=400):
    """A launch up to the refused token request, as Chrome writes it."""
    entries = []

    def add(method, url, code, *, form=None, text="", media="text/html", location=""):
        sent = [{"name": k, "value": v} for k, v in HEADERS.items()] if form else [{"name": "Cookie", "value": f"SESSION={COOKIE}"}]
        got = [{"name": "Content-Type", "value": media}] + ([{"name": "Location", "value": location}] if location else [])
        entries.append(
            {
                "startedDateTime": f"2026-02-03T10:00:{len(entries):02d}.000Z",
                "time": 5,
                "request": {"method": method, "url": url, "httpVersion": "http/2.0", "headers": sent, "queryString": [], "cookies": []},
                "response": {"status": code, "statusText": "", "headers": got, "cookies": [], "content": {"size": len(text), "mimeType": media, "text": text}, "redirectURL": location},
                "timings": {"send": 0, "wait": 5, "receive": 0},
                "cache": {},
            }
        )  # fmt: skip
        if form:
            entries[-1]["request"]["postData"] = {"mimeType": HEADERS["Content-Type"], "text": urlencode(form)}

    add("GET", f"{APP}/launch?iss={quote('https://ehr.example.org/fhir', safe='')}&launch={LAUNCH}", 302, location=AUTHORIZE)
    add("GET", AUTHORIZE, 302, location=BACK)
    add("GET", BACK, 200, text="<html>app</html>")
    add("POST", f"{AUTH}/token", status, form=FORM, text=json.dumps(body), media="application/json")
    return {"log": {"version": "1.2", "creator": {"name": "WebInspector", "version": "537.36"}, "pages": [], "entries": entries}}


def hars(body, status=400):
    """The same flow as five programs write it, and packed; file name and bytes."""
    chrome = har(body, status)
    firefox, safari, charles, fiddler = (copy.deepcopy(chrome) for _ in range(4))
    firefox["log"]["creator"] = {"name": "Firefox", "version": "128.0"}
    for entry in firefox["log"]["entries"]:
        entry["startedDateTime"] = entry["startedDateTime"].replace("Z", "+00:00")
        if "postData" in entry["request"]:
            entry["request"]["postData"]["params"] = [{"name": k, "value": v} for k, v in FORM.items()]
    safari["log"]["creator"] = {"name": "WebKit Web Inspector", "version": "1.0"}
    for entry in safari["log"]["entries"]:
        entry["response"]["redirectURL"] = ""
        entry["_fetchType"] = "Network Load"
    charles["log"]["creator"] = {"name": "Charles Proxy", "version": "4.6"}
    for entry in charles["log"]["entries"]:
        entry["request"]["headers"].insert(0, {"name": ":method", "value": entry["request"]["method"]})
        text = entry["response"]["content"].get("text", "")
        entry["response"]["content"] |= {"text": base64.b64encode(text.encode()).decode(), "encoding": "base64"}
        if "postData" in entry["request"]:
            del entry["request"]["postData"]["text"]
            entry["request"]["postData"]["params"] = [{"name": k, "value": v} for k, v in FORM.items()]
    charles["log"]["entries"].reverse()
    fiddler["log"]["creator"] = {"name": "Fiddler", "version": "5.0"}
    for entry in fiddler["log"]["entries"]:
        entry["startedDateTime"] = entry["startedDateTime"].replace(".000Z", ".0000000+00:00")
    plain = json.dumps(chrome).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("launch.har", plain)
        archive.writestr("notes.txt", "what I did")
    return {
        "chrome.har": plain,
        "firefox.har": b"\xef\xbb\xbf" + json.dumps(firefox, indent=2).encode(),
        "safari.har": json.dumps(safari).encode(),
        "charles, newest first.har": json.dumps(charles).encode(),
        "fiddler.har": json.dumps(fiddler).encode("utf-16"),
        "packed.har.gz": gzip.compress(plain),
        "packed.zip": packed.getvalue(),
    }
