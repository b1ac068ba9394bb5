"""Thousands of endpoints served here, each at a loopback address of its own: good, bad, slow, dead and hostile ones.

Run as a program it serves until its input closes; the port stands on its first line.
"""

import asyncio
import json
import sys

GOOD = {
    "authorization_endpoint": "https://a.example/authorize",
    "token_endpoint": "https://a.example/token",
    "capabilities": [
        "launch-ehr",
        "launch-standalone",
        "client-public",
        "permission-patient",
        "context-standalone-patient",
        "permission-v2",
    ],
    "grant_types_supported": ["authorization_code"],
    "code_challenge_methods_supported": ["S256"],
    "response_types_supported": ["code"],
    "scopes_supported": ["launch/patient", "patient/*.rs"],
}
KINDS = (
    "good",
    "good",
    "good",
    "good",
    "good",
    "good",
    "plain",
    "relative",
    "missing",
    "page",
    "slow",
    "dead",
    "endless",
    "broken",
    "deep",
    "loop",
)


def host(number: int) -> str:
    return f"127.{1 + number // 62500 % 250}.{1 + number // 250 % 250}.{1 + number % 250}"


def url(number: int, port: int) -> str:
    kind = KINDS[number % len(KINDS)]
    return f"http://{host(number)}:{1 if kind == 'dead' else port}/{kind}/{number}"


def body_of(kind: str) -> tuple[int, str, bytes]:
    document = dict(GOOD)
    if kind == "plain":
        document["code_challenge_methods_supported"] = ["S256", "plain"]
    if kind == "relative":
        document["token_endpoint"] = "/token"
    if kind == "missing":
        return 404, "application/json", b"{}"
    if kind == "page":
        return 200, "text/html", b"<!doctype html><script>alert(1)</script>"
    if kind == "deep":
        return 200, "application/json", b"[" * 50_000
    return 200, "application/json", json.dumps(document).encode()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        kind = head.split(b" ", 2)[1].decode().split("/")[1]
        if kind == "slow":
            await asyncio.sleep(0.5)
        if kind == "broken":
            writer.write(b"HTTP/1.1 nonsense\r\n\r\n\x00\x01")
        elif kind == "loop":
            writer.write(b"HTTP/1.1 302 Found\r\nLocation: /loop/again\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        elif kind == "endless":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n")
            for _ in range(40):
                writer.write(b" " * 65536)
                await writer.drain()
        else:
            status, media, body = body_of(kind)
            line = f"HTTP/1.1 {status} X\r\nContent-Type: {media}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            writer.write(line.encode() + body)
        await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError, IndexError):
        pass
    finally:
        writer.close()


async def serve() -> None:
    server = await asyncio.start_server(answer, "0.0.0.0", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
