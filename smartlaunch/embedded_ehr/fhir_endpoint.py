"""The FHIR server over HTTP: requests become interactions, answers and refusals become responses in the form of RFC 6750."""

from __future__ import annotations

import json
import re
import secrets
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import quoteattr

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from smartlaunch.embedded_ehr.core import parse_json
from smartlaunch.embedded_ehr.data import seed_store
from smartlaunch.embedded_ehr.defects.fhir_access import REFUSAL, Told
from smartlaunch.embedded_ehr.defects.spoiling import spoil
from smartlaunch.embedded_ehr.fhir import FhirServer
from smartlaunch.embedded_ehr.fhir_access import Access, Credentials, anybody, judge_token, presented_token
from smartlaunch.embedded_ehr.fhir_interaction import TYPES, Answer, Interaction, outcome
from smartlaunch.embedded_ehr.fhir_metadata import capability_statement
from smartlaunch.embedded_ehr.fhir_refusal import Refused

if TYPE_CHECKING:
    from starlette.requests import Request

    from smartlaunch.embedded_ehr.defects import Defects, Variants
    from smartlaunch.embedded_ehr.fhir_store import Resource, Store
    from smartlaunch.embedded_ehr.options import SandboxOptions
    from smartlaunch.embedded_ehr.state import AccessToken, State

FHIR_JSON = "application/fhir+json; charset=utf-8"
_FORM = "application/x-www-form-urlencoded"
_BODY_LIMIT = 2 * 1024 * 1024
_PARAMETER = re.compile(r'([a-z_]+)="([^"]+)"')
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


def routes(state: State, defects: Defects, variant: Variants, options: SandboxOptions, store: Store | None = None) -> list[Route]:
    """Return the routes of the FHIR server, with their full paths from `/fhir` on."""
    server = FhirServer(state, defects, variant, store if store is not None else seed_store())

    def _token_of(value: str | None, asked: Interaction, request: Request) -> AccessToken:
        if value is None and state.session_of(request) is not None and defects("takes_the_cookie_of_the_login_for_a_token"):
            return anybody(state)
        return judge_token(value, state, defects, app_state=asked.path.startswith("Basic"), forms=asked.forms)

    async def endpoint(request: Request) -> Response:
        presented = False
        try:
            arrived = datetime.now(UTC) - timedelta(seconds=time.monotonic() - getattr(request.state, "arrived", time.monotonic()))
            asked, credentials, problem = await _read_request(request)
            asked = replace(asked, arrived=arrived)
            if request.method == "HEAD" and variant("refuses_head"):
                problem = Refused(405, "not-supported", "HEAD is not possible here.", headers={"Allow": "GET, POST, PUT, PATCH, DELETE"})
            value = presented_token(credentials, defects, variant)
            presented = value is not None
            conditional = value is None and bool(asked.header("if-none-match"))
            early = conditional and defects("tells_without_a_token_that_a_resource_is_unchanged")
            answer = server.unchanged(asked) if early else None
            if answer is None:
                access = Access(_token_of(value, asked, request), state, defects, variant)
                if problem is not None:
                    raise problem
                answer = server.answer(access, asked, str(request.url) if request.method == "GET" else "")
            answer = _written(answer, asked, state, variant)
            response = _answer_response(answer, defects)
            if "access_token" in request.query_params and defects("lets_an_answer_to_a_token_in_the_query_be_shared"):
                response.headers["Cache-Control"] = "public, max-age=60"
        except Refused as refusal:
            sent = request.headers.get("authorization", "")
            response = _refusal_response(refusal, options, defects, presented=presented, token=sent, method=request.method)
            response = _refused_otherwise(response, refusal, variant)
        _add_common_headers(response, variant)
        return _as_xml(response) if variant("writes_xml_unless_json_is_named") and not _names_json(request) else response

    async def moved(_: Request) -> Response:
        return RedirectResponse(f"{state.fhir_base_url}/", status_code=308)

    async def page(_: Request) -> Response:
        return HTMLResponse("<!doctype html><title>Records</title><h1>Records of this clinic</h1>")

    base = moved if variant("redirects_its_base_to_a_slash") else page if variant("shows_a_page_at_its_base") else endpoint

    async def metadata(request: Request) -> Response:
        if defects("metadata_demands_token") and not request.headers.get("authorization"):
            response = _refusal_response(Refused(401, "login", "An access token is required."), options, defects, presented=False, token="")
        else:
            response = _json(200, capability_statement(state, defects, variant, options))
        _add_common_headers(response, variant)
        return _as_xml(response) if variant("writes_xml_unless_json_is_named") and not _names_json(request) else response

    return [
        Route("/fhir/metadata", metadata, methods=["GET"]),
        Route("/fhir", base, methods=_METHODS),
        *([Route("/fhir/", base, methods=_METHODS)] if base is page else []),
        Route("/fhir/{path:path}", endpoint, methods=_METHODS),
    ]


async def _read_request(request: Request) -> tuple[Interaction, Credentials, Refused | None]:
    """Return what is asked, the tokens sent along, and what is wrong with the request apart from those."""
    path = _resolved(str(request.path_params.get("path", "")))
    parameters = request.query_params.multi_items()
    query_token = request.query_params.get("access_token")
    body: Any = None
    form_token = None
    raw = await request.body()
    if len(raw) > _BODY_LIMIT:
        raise Refused(413, "too-long", "The request body is too large.")
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    problem: Refused | None = None
    if raw and media_type == _FORM:
        form = parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True)
        form_token = next((value for name, value in form if name == "access_token"), None)
        if path.rstrip("/").endswith("_search"):
            parameters = [*parameters, *form]
        else:
            problem = Refused(415, "not-supported", "A form is accepted for a search only.")
    elif raw and request.method in ("POST", "PUT", "PATCH"):
        try:
            body = parse_json(raw)
        except ValueError:
            problem = Refused(400, "structure", "The request body is not JSON that can be read.")
        if media_type not in ("application/fhir+json", "application/json", "application/json-patch+json"):
            problem = Refused(415, "not-supported", f"This server cannot read {media_type or 'a body without type'}.")
    search = request.method == "GET" and "/" not in path.strip("/")
    credentials = Credentials(request.headers.get("authorization"), query_token, form_token, search)
    accept = f"{request.headers.get('accept', '')} {request.query_params.get('_format', '')}"
    if "xml" in accept and "json" not in accept and "*/*" not in accept:
        problem = problem or Refused(406, "not-supported", "This server answers in JSON only.")
    method = "GET" if request.method == "HEAD" else request.method
    kept = tuple((name, value) for name, value in parameters if name != "access_token")
    sent = f"{request.method} {request.scope.get('raw_path', b'').decode('latin-1')}{'?' if request.url.query else ''}"
    return Interaction(method, path, kept, dict(request.headers.items()), body, sent), credentials, problem


def _resolved(path: str) -> str:
    """Return a path without matrix parameters and dot segments, which servers and the proxies before them take out."""
    kept: list[str] = []
    for part in (one.partition(";")[0] for one in path.split("/")):
        if part == "..":
            kept = kept[:-1]
        elif part != ".":
            kept.append(part)
    return "/".join(kept)


def _written(answer: Answer, asked: Interaction, state: State, variant: Variants) -> Answer:
    """Return an answer in the form that this server writes it in."""
    if answer.resource is not None:
        answer.resource = _as_chosen(answer.resource, asked, variant, state.fhir_base_url)
    if answer.resource is not None and variant("writes_references_with_versions"):
        answer.resource = _with_versions(answer.resource)
    of_state = asked.path.startswith("Basic")
    if answer.resource is not None and not of_state and variant("leaves_out_what_fhir_lets_it"):
        answer.resource = _barely(answer.resource)
    if not of_state and variant("keeps_no_versions"):
        answer = _without_versions(answer)
    stored = asked.method in ("POST", "PUT", "PATCH") and "Location" in answer.headers
    if stored and not of_state and "return=" not in asked.header("prefer") and variant("answers_writes_without_a_body"):
        answer.resource = None
    return answer


def _answer_response(answer: Answer, defects: Defects) -> Response:
    if answer.resource is None:
        return Response(status_code=answer.status, headers=answer.headers)
    response = _json(answer.status, answer.resource)
    if defects("answers_fhir_in_latin_1"):
        body = json.dumps(answer.resource, ensure_ascii=False).encode("latin-1", "replace")
        response = Response(body, status_code=answer.status, media_type="application/fhir+json; charset=iso-8859-1")
    if defects("answers_fhir_as_html"):
        response.headers["Content-Type"] = "text/html; charset=utf-8"
    response.headers.update(answer.headers)
    return response


def _refusal_response(
    refusal: Refused, options: SandboxOptions, defects: Defects, *, presented: bool, token: str, method: str = "GET"
) -> Response:
    """Turn a refusal into an answer; the form of RFC 6750 for 401 and 403, an OperationOutcome for all."""
    if refusal.status == 401 and not presented and defects("redirects_missing_token_to_login"):
        return RedirectResponse("/chart", status_code=302)
    challenge = ""
    if refusal.status == 401 or refusal.error:
        challenge = _challenge(refusal, options, defects, presented=presented)
    told = Told(refusal, token, refusal.status, refusal.text, challenge, presented=presented, method=method)
    spoil(defects, told, REFUSAL)
    if told.hidden:
        return _json(200, {"resourceType": "Bundle", "type": "searchset", "total": 0})
    response: Response = _json(told.status, outcome(refusal.code, told.text))
    if defects("refuses_without_operation_outcome"):
        response = Response(f"<h1>{told.status}</h1>", status_code=told.status, media_type="text/html")
    response.headers.update(refusal.headers)
    if told.challenge:
        response.headers["WWW-Authenticate"] = told.challenge
    return response


def _refused_otherwise(response: Response, refusal: Refused, variant: Variants) -> Response:
    """Return a refusal with as little to read as may be, or with more."""
    if refusal.status in (401, 403) and variant("refuses_without_a_body"):
        kept = {name: value for name, value in response.headers.items() if name not in ("content-type", "content-length")}
        return Response(status_code=response.status_code, headers=kept)
    hint = {"severity": "information", "code": "informational", "diagnostics": "This answer comes from node 3."}
    issues = [{"severity": "error", "code": refusal.code}]
    if variant("says_no_more_than_a_code"):
        return _restated(response, issues)
    return _restated(response, [hint, *issues]) if variant("begins_refusals_with_a_hint") else response


def _restated(response: Response, issues: list[dict[str, str]]) -> Response:
    kept = {name: value for name, value in response.headers.items() if name not in ("content-type", "content-length")}
    return JSONResponse({"resourceType": "OperationOutcome", "issue": issues}, response.status_code, kept, FHIR_JSON)


def _challenge(refusal: Refused, options: SandboxOptions, defects: Defects, *, presented: bool) -> str:
    if refusal.status == 401 and defects("omits_www_authenticate"):
        return ""
    scheme = "Basic" if refusal.status == 401 and defects("challenges_with_basic") else "Bearer"
    if refusal.status == 401 and defects("challenge_has_no_parameters"):
        return scheme
    parts = [f'realm="{options.profile.realm}"']
    error = refusal.error
    if refusal.status == 401 and not presented and defects("challenge_names_error_without_token"):
        error = "invalid_token"
    if error == "invalid_token" and presented:
        if defects("challenge_lacks_error_for_bad_token"):
            error = ""
        elif defects("challenge_names_wrong_error"):
            error = "invalid_request"
    if error == "insufficient_scope" and defects("challenge_lacks_insufficient_scope"):
        error = ""
    if error:
        parts.append(f'error="{error}"')
        if error == "invalid_token" and defects("challenge_repeats_error"):
            parts.append('error="invalid_request"')
        if error == "invalid_token" and defects("challenge_has_foreign_characters"):
            return f"{scheme} " + ", ".join([*parts, 'error_description="Le jeton est expiré"'])
        description = refusal.text.partition(".")[0].replace('"', "'")
        parts.append(f'error_description="{description}"')
    return f"{scheme} " + ", ".join(parts)


def _add_common_headers(response: Response, variant: Variants) -> None:
    if not variant("sends_no_request_id"):
        response.headers["X-Request-Id"] = secrets.token_hex(8)
    response.headers.setdefault("Cache-Control", "no-store")
    challenge = response.headers.get("WWW-Authenticate", "")
    if challenge and variant("writes_challenges_without_quotes"):
        challenge = response.headers["WWW-Authenticate"] = _without_quotes(challenge)
    if response.status_code == 401 and challenge and variant("sends_another_challenge_before_bearer"):
        response.headers["WWW-Authenticate"] = f"Negotiate, {challenge}"
    if challenge and variant("says_more_in_its_challenges"):
        more = 'resource_metadata="https://lakeside.example/.well-known/oauth-protected-resource", scope="patient/*.rs openid"'
        challenge = response.headers["WWW-Authenticate"] = f"{challenge}, {more}"
    if response.status_code == 401 and challenge and variant("challenges_for_dpop_before_bearer"):
        response.headers["WWW-Authenticate"] = f'DPoP realm="fhir", algs="ES256 PS256", {challenge}'


def _without_quotes(challenge: str) -> str:
    """Return a challenge with its scheme in lower case and each value as a token, without the words for the developer."""
    scheme, _, rest = challenge.partition(" ")
    parts = [(name, value.replace(" ", "-")) for name, value in _PARAMETER.findall(rest) if name != "error_description"]
    return f"{scheme.lower()} " + ", ".join(f"{name}={value}" for name, value in parts)


def _as_chosen(resource: Resource, asked: Interaction, variant: Variants, base_url: str) -> Resource:
    """Return a resource in the form that this server chose."""
    if variant("gives_only_the_elements_that_were_asked_for"):
        resource = _cut(resource, asked.parameters)
    return _with_urls(resource, base_url) if variant("writes_references_as_urls") else resource


def _cut(resource: Resource, parameters: tuple[tuple[str, str], ...]) -> Resource:
    """Return what `_elements` or `_summary` leaves of a resource, or of those in a bundle."""
    named = next((value.split(",") for name, value in parameters if name == "_elements"), None)
    named = ["subject", "patient", "status", "code"] if named is None and ("_summary", "true") in parameters else named
    if named is None:
        return resource
    if resource.get("resourceType") == "Bundle":
        listed = resource.get("entry", [])
        entries = [{**one, "resource": _cut(one["resource"], parameters)} if "resource" in one else one for one in listed]
        return {**resource, **({"entry": entries} if entries else {})}
    return {name: value for name, value in resource.items() if name in ("resourceType", "id", "meta", *named)}


def _with_urls(value: Any, base_url: str) -> Any:
    """Return a resource whose references are absolute."""
    if isinstance(value, list):
        return [_with_urls(one, base_url) for one in value]
    if not isinstance(value, dict):
        return value
    written = {name: _with_urls(one, base_url) for name, one in value.items()}
    reference = written.get("reference")
    if isinstance(reference, str) and reference.partition("/")[0] in TYPES:
        written["reference"] = f"{base_url}/{reference}"
    return written


def _barely(value: Any) -> Any:
    """Return a resource without its meta and text, and a Bundle without its id too."""
    if isinstance(value, list):
        return [_barely(one) for one in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("resourceType")
    dropped = {"meta", "text", *(("id",) if kind == "Bundle" else ())} if kind is not None and kind != "Basic" else set()
    return {name: _barely(one) for name, one in value.items() if name not in dropped}


def _with_versions(value: Any) -> Any:
    """Return a resource whose references name the version that they point to."""
    if isinstance(value, list):
        return [_with_versions(one) for one in value]
    if not isinstance(value, dict):
        return value
    written = {name: _with_versions(one) for name, one in value.items()}
    reference = written.get("reference")
    if isinstance(reference, str) and reference.count("/") == 1 and reference.partition("/")[0] in TYPES:
        written["reference"] = f"{reference}/_history/1"
    return written


def _without_versions(answer: Answer) -> Answer:
    """Return an answer of a server that keeps no versions: nothing in it names one."""
    headers = {name: value for name, value in answer.headers.items() if name not in ("ETag", "Last-Modified")}
    if "Location" in headers:
        headers["Location"] = headers["Location"].partition("/_history/")[0]
    return Answer(answer.status, _without_version_ids(answer.resource), headers)


def _without_version_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_version_ids(one) for one in value]
    if not isinstance(value, dict):
        return value
    left = {name: _without_version_ids(one) for name, one in value.items()}
    if isinstance(left.get("meta"), dict) and "resourceType" in left and left["resourceType"] != "Basic":
        left["meta"] = {name: one for name, one in left["meta"].items() if name != "versionId"}
    return left


def _names_json(request: Request) -> bool:
    return "json" in f"{request.headers.get('accept', '')} {request.query_params.get('_format', '')}"


def _as_xml(response: Response) -> Response:
    """Return an answer with its resource in the XML form of FHIR."""
    if not response.headers.get("content-type", "").startswith("application/fhir+json"):
        return response
    body = '<?xml version="1.0" encoding="UTF-8"?>' + _element("", json.loads(bytes(response.body)))
    kept = {name: value for name, value in response.headers.items() if name not in ("content-type", "content-length")}
    return Response(body, response.status_code, kept, "application/fhir+xml; charset=utf-8")


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_element(name, one) for one in value)
    if not isinstance(value, dict):
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return f"<{name} value={quoteattr(text)}/>"
    kind = value.get("resourceType")
    inner = "".join(_element(one, held) for one, held in value.items() if one != "resourceType" and not one.startswith("_"))
    if kind is not None:
        inner = f'<{kind} xmlns="http://hl7.org/fhir">{inner}</{kind}>'
    return f"<{name}>{inner}</{name}>" if name else inner


def _json(status: int, resource: Resource) -> Response:
    return JSONResponse(resource, status_code=status, media_type=FHIR_JSON)
