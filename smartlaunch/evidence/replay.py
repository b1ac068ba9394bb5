"""Lines that repeat a recorded request, with every secret as an environment variable.

``<access_token 1>`` becomes ``$ACCESS_TOKEN_1``: whoever has the value can repeat the request, and the line itself can be sent to
anyone. An unset variable stops the command instead of sending an empty value.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote, unquote_plus

from smartlaunch.exchange import RecordedExchange

_SECRET = re.compile(r"<([a-z][a-z_]{2,30}) ([0-9]{1,6})(?: length [0-9]{1,7}| \{.*?\}\.\{.*?\})?>", re.DOTALL)
_BASIC = re.compile(r"(?is)^basic base64\((.*?):(.*)\)$")
_OWN_HEADERS: Final = frozenset(
    {"host", "content-length", "connection", "accept-encoding", "user-agent", "transfer-encoding", "upgrade-insecure-requests"}
)
_OWN_PREFIXES: Final = ("sec-", ":")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def variables(exchange: RecordedExchange) -> list[str]:
    """The environment variables that the lines for this exchange read, in order of first use."""
    texts = [exchange.url, *(value for name, value in _headers(exchange)), exchange.request_body]
    return list(dict.fromkeys(_variable(match) for text in texts for match in _SECRET.finditer(text)))


def curl(exchange: RecordedExchange) -> str:
    """A curl command that sends the request again."""
    address, secret_parameters = _split_url(exchange.url)
    words = ["curl", "--include"]
    if exchange.method not in ("GET", "POST") or (exchange.method == "POST" and not exchange.request_body):
        words += ["--request", shlex.quote(_printable(exchange.method))]
    words.append(_shell(address))
    lines = [" ".join(words)]
    lines += [f"--url-query {_shell(pair)}" for pair in secret_parameters]
    for name, value in _headers(exchange):
        basic = _BASIC.match(value) if name.lower() == "authorization" else None
        lines.append(f"--user {_shell(f'{basic.group(1)}:{basic.group(2)}')}" if basic else f"--header {_shell(f'{name}: {value}')}")
    form = _form(exchange)
    if form:
        lines += [f"--data-urlencode {_shell(f'{name}={value}')}" for name, value in form]
    elif exchange.request_body:
        lines.append(f"--data-raw {_shell(exchange.request_body)}")
    return " \\\n  ".join(lines)


def httpx_lines(exchange: RecordedExchange) -> str:
    """A Python program with httpx that sends the request again."""
    address, secret_parameters = _split_url(exchange.url)
    arguments = [_python(exchange.method), _url_expression(address, secret_parameters)]
    imports = ["import os", "", "import httpx"]
    headers, form = [], _form(exchange)
    for name, value in _headers(exchange):
        basic = _BASIC.match(value) if name.lower() == "authorization" else None
        if basic:
            arguments.append(f"auth=({_python(basic.group(1))}, {_python(basic.group(2))})")
        elif not (form and name.lower() == "content-type"):
            headers.append(f"({_python(name)}, {_python(value)})")
    if headers:
        arguments.append(f"headers=[{', '.join(headers)}]")
    if form:
        encoded = ' + "&" + '.join(f"{_python(f'{name}=')} + quote({_python(value)}, safe='')" for name, value in form)
        arguments += [f"content={encoded}"]
        if not headers:
            arguments.append('headers={"content-type": "application/x-www-form-urlencoded"}')
        else:
            arguments[-2] = f'headers=[("content-type", "application/x-www-form-urlencoded"), {", ".join(headers)}]'
    elif exchange.request_body:
        arguments.append(f"content={_python(exchange.request_body)}")
    if form or secret_parameters:
        imports.insert(1, "from urllib.parse import quote")
    body = ",\n    ".join(arguments)
    call = f"answer = httpx.request(\n    {body},\n    timeout=30,\n)\nprint(answer.status_code, answer.headers, answer.text)\n"
    return "\n".join(imports) + f"\n\n{call}"


def _url_expression(address: str, secret_parameters: list[str]) -> str:
    expression = _python(address)
    mark = "&" if "?" in address else "?"
    for pair in secret_parameters:
        name, _, value = pair.partition("=")
        expression += f" + {_python(f'{mark}{name}=')} + quote({_python(value)}, safe='')"
        mark = "&"
    return expression


def _headers(exchange: RecordedExchange) -> list[tuple[str, str]]:
    pairs = [(name, value) for name, value in exchange.request_headers]
    return [(n, v) for n, v in pairs if n.lower() not in _OWN_HEADERS and not n.lower().startswith(_OWN_PREFIXES)]


def _split_url(url: str) -> tuple[str, list[str]]:
    """The address without its fragment and its secret parameters, and those parameters decoded."""
    address, question, query = url.partition("#")[0].partition("?")
    kept: list[str] = []
    secret: list[str] = []
    for part in query.split("&") if query else []:
        (secret if _SECRET.search(unquote(part)) else kept).append(part)
    decoded = [f"{part.partition('=')[0]}={unquote(part.partition('=')[2])}" for part in secret]
    return address + (question + "&".join(kept) if kept else ""), decoded


def _form(exchange: RecordedExchange) -> list[tuple[str, str]]:
    media = next((value for name, value in exchange.request_headers if name.lower() == "content-type"), "")
    if not media.lower().startswith("application/x-www-form-urlencoded") or not exchange.request_body:
        return []
    pairs = (part.partition("=") for part in exchange.request_body.split("&"))
    return [(name, unquote_plus(value)) for name, _, value in pairs]


def _variable(match: re.Match[str]) -> str:
    return f"{match.group(1)}_{match.group(2)}".upper()


def _parts(text: str, literal: Callable[[str], str], variable: Callable[[str], str]) -> list[str]:
    """A text in parts: what stands there, and variables in the place of secrets."""
    parts, at = [], 0
    for match in _SECRET.finditer(text):
        if match.start() > at:
            parts.append(literal(text[at : match.start()]))
        parts.append(variable(_variable(match)))
        at = match.end()
    if at < len(text) or not parts:
        parts.append(literal(text[at:]))
    return parts


def _shell(text: str) -> str:
    """A shell word in which placeholders are variables and nothing else means anything."""
    return "".join(_parts(text, _literal, lambda name: f'"${{{name}:?}}"'))


def _literal(text: str) -> str:
    if _CONTROL.search(text.replace("\n", "")):
        escaped = text.replace("\\", "\\\\").replace("'", "\\'")
        return "$'" + _CONTROL.sub(lambda match: f"\\u{ord(match.group()):04x}", escaped) + "'"
    return shlex.quote(text)


def _python(text: str) -> str:
    return " + ".join(_parts(text, repr, lambda name: f'os.environ["{name}"]'))


def _printable(text: str) -> str:
    return _CONTROL.sub("", text)
