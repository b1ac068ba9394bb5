"""Runs the embedded EHR as a process of its own: ``python -m smartlaunch.embedded_ehr``."""

from __future__ import annotations

import argparse
import errno
import json
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from smartlaunch.embedded_ehr.app import public_urls
from smartlaunch.embedded_ehr.defects import UnknownName
from smartlaunch.embedded_ehr.options import SandboxOptions
from smartlaunch.embedded_ehr.profile import Profile
from smartlaunch.embedded_ehr.server import RunningSandbox, prepare
from smartlaunch.embedded_ehr.target_file import write_target
from smartlaunch.embedded_ehr.vendors import UnknownVendor, choose, names

if TYPE_CHECKING:
    from collections.abc import Sequence


def build_parser() -> argparse.ArgumentParser:
    """Return the command line of the embedded EHR."""
    parser = argparse.ArgumentParser(prog="python -m smartlaunch.embedded_ehr", description="Run the embedded EHR on the loopback address.")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one (default)")
    parser.add_argument("--defect", action="append", default=[], metavar="NAME", help="break this rule; may be given several times")
    parser.add_argument("--variant", action="append", default=[], metavar="NAME", help="make this permitted, unusual choice")
    parser.add_argument("--vendor", default="", metavar="V", help=f"imitate a vendor: {', '.join(names())}")
    parser.add_argument("--trace-rules", action="store_true", help="name in each answer the rules its request came to")
    parser.add_argument("--tls", action="store_true", help="serve by https, with a certificate made at the start")
    parser.add_argument("--token-lifetime", type=int, metavar="SECONDS", help="life of the access tokens of apps")
    parser.add_argument("--client-jwks-uri", metavar="URL", help="JWK Set URL registered for the app that publishes its keys")
    parser.add_argument("--write-target", type=Path, metavar="FILE", help="write a target file, with its secret files beside it")
    parser.add_argument("--die-with-parent", action="store_true", help="stop when standard input is closed")
    parser.add_argument("--ready-stdout", action="store_true", help="print one line of JSON when ready, and nothing else")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until interrupted; return the exit code."""
    given = build_parser().parse_args(arguments)
    try:
        vendor = choose(given.vendor) if given.vendor else None
    except UnknownVendor as problem:
        sys.stderr.write(f"the embedded EHR cannot start: {problem}\n")
        return 2
    options = SandboxOptions(
        port=given.port,
        defects=tuple(given.defect),
        variants=tuple(given.variant),
        trace_rules=given.trace_rules,
        tls=given.tls,
        token_lifetime_s=given.token_lifetime,
        client_jwks_uri=given.client_jwks_uri,
        profile=vendor.profile if vendor is not None else Profile(),
        vendor=vendor,
    )
    try:
        running = prepare(options)
    except UnknownName as problem:
        sys.stderr.write(f"the embedded EHR cannot start: {problem}\n")
        return 2
    except OSError as problem:
        why = f"port {given.port} is taken" if problem.errno == errno.EADDRINUSE else f"port {given.port}: {problem.strerror}"
        sys.stderr.write(f"the embedded EHR cannot start: {why}\n  try: another --port, or none, which takes a free one\n")
        return 2
    if given.write_target is not None:
        write_target(given.write_target, running)
    if given.ready_stdout:
        sys.stdout.write(json.dumps({"base_url": running.base_url, "fhir_base_url": running.fhir_base_url}) + "\n")
    else:
        sys.stdout.write(describe(running))
    sys.stdout.flush()
    if given.die_with_parent:
        threading.Thread(target=_watch_parent, args=(running,), daemon=True).start()
    # The socket already listens in its backlog once uvicorn takes it, so whoever read the line above can connect at once.
    running.listener.listen(128)
    running.server.run(sockets=[running.listener])
    return 0


def _watch_parent(running: RunningSandbox) -> None:
    while sys.stdin.buffer.read(4096):
        pass
    running.server.should_exit = True


def describe(running: RunningSandbox) -> str:
    """Return what a person needs to use the server: addresses, people with passwords, apps."""
    sandbox = running.sandbox
    vendor = sandbox.options.vendor
    who = "Lakeside EHR" if vendor is None else f"Lakeside EHR, imitating {vendor.name},"
    lines = [f"{who} is running at {running.base_url}", ""]
    lines += [f"  {name:<24}{url}" for name, url in public_urls(sandbox)]
    lines += ["", "People (user name, password, may see):"]
    for user in sandbox.state.users.values():
        lines.append(f"  {user.username:<18}{user.password:<20}{', '.join(user.patients) or 'nobody'}")
    lines += ["", "Registered apps (client id, how it authenticates):"]
    for client in sandbox.state.clients.values():
        app = vendor.app(client_id=client.client_id) if vendor is not None else None
        more = f"  {app.name}: {app.type}, SMART {app.smart_version}, App ID {app.app_id}" if app is not None else ""
        lines.append(f"  {client.client_id:<38}{' or '.join(client.auth_methods)}{more}")
    for title, switched in (("Broken rules", tuple(sandbox.defects)), ("Unusual choices", sandbox.options.variants)):
        if switched:
            lines += ["", f"{title}: {', '.join(switched)}"]
    return "\n".join([*lines, "", "Stop with Ctrl-C.", ""])


if __name__ == "__main__":
    sys.exit(main())
