"""``smartlaunch login``: watch a person log in once and write it down, or replay a login with a picture of each page."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smartlaunch.errors import Blocked, UsageError
from smartlaunch.plugin import options
from smartlaunch.records import files
from smartlaunch.records.exits import BLOCKED, FAILED, GOOD
from smartlaunch.records.store import new_run_folder
from smartlaunch.target import load_recipe

if TYPE_CHECKING:
    from smartlaunch.browser import Landing, PageSnapshot
    from smartlaunch.client.app import App
    from smartlaunch.plugin.session import RunSession

_RECORD_S = 900
_WHAT = {"record": "watch a person log in once, and write the steps", "try": "replay the login, with a picture of each page"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the two ways and their arguments."""
    ways = parser.add_subparsers(dest="what", metavar="record|try", required=True)
    for what, summary in _WHAT.items():
        way = ways.add_parser(what, help=summary, description=summary[0].upper() + summary[1:] + ".")
        options.add_to_command(way, "target")
        way.add_argument("--client", metavar="NAME", help="which client asks (default: the first that opens itself)")
        if what == "record":
            way.add_argument("--out", metavar="FILE", help="the recipe file to write (default: print it)")
        else:
            way.add_argument("--recipe", metavar="NAME|FILE", help="replay this recipe in the place of the target file's `login.recipe`")
            options.add_to_command(way, "headed")
            way.add_argument("--storage-state", metavar="FILE", help="keep the session here, for run --storage-state")


def run(args: argparse.Namespace) -> int:
    """Open the authorization request of a client in a browser, and watch or replay."""
    from smartlaunch.plugin.session import RunSession

    headed = args.what == "record" or args.headed
    asked = options.Options(target=options.target_name(args.target), headed=headed)
    recipe = load_recipe(args.recipe) if getattr(args, "recipe", None) else None
    with tempfile.TemporaryDirectory() as scratch:
        session = RunSession(asked, Path(scratch) / "login")
        try:
            if recipe is not None:
                session.target = replace(session.target, login=replace(session.target.login, recipe=recipe.name, chosen=recipe))
            return record(args, session) if args.what == "record" else replay(args, session)
        finally:
            session.close()


def record(args: argparse.Namespace, session: RunSession, person: Callable[[PageSnapshot], bool] | None = None) -> int:
    """Watch one login; ``person`` is for tests, where a script plays the person."""
    from smartlaunch.browser.watching import Watcher, as_text
    from smartlaunch.onboarding.writing import refuse_to_overwrite

    if args.out:
        refuse_to_overwrite(Path(args.out))
    app = _app(args, session)
    engine = app.engine
    request = app.request()
    watcher = Watcher(engine.plan(app.user))

    def saw(event: Mapping[str, Any]) -> None:
        watcher.saw(event)

    def looks(page: PageSnapshot) -> bool:
        return watcher.looks(page) or (person is not None and person(page))

    print("Log in in the browser's window, as you would to use the app, until you are sent back to it.", flush=True)
    landing = engine.browser.session("watched").go(
        request.url, catch=[app.client.redirect_uri], plan=watcher.plan, watch=saw, login_timeout_s=_RECORD_S, stop_when=looks
    )
    steps = watcher.steps()
    if not steps:
        print("nothing was done on any page, so there is nothing to write down")
        return BLOCKED
    text = session.scrub(as_text(steps))
    if args.out:
        Path(args.out).write_text(text, encoding="utf-8")
        print(f"written: {args.out}")
        print(f"then:    smartlaunch login try --target {options.target_name(args.target)} --recipe {args.out}")
        print(f'and:     [login] recipe = "{args.out}" in {session.target.path}, or paste the steps there')
    else:
        print(f"\n{text}")
    if not landing.caught:
        print(session.scrub(f"note: the login did not come back to the app: {landing.reason or landing.kind}"))
        return BLOCKED
    return GOOD


def replay(args: argparse.Namespace, session: RunSession) -> int:
    """Log in by steps and recipe, and tell each thing that was done and where it ended."""
    app = _app(args, session)
    engine = app.engine
    engine.browser.pictures = True
    who = app.user.name if app.user is not None else "nobody"
    try:
        answer = app.authorize(app.request())
        landing, problem = answer.landing, ""
    except Blocked as exc:
        landing, problem = None, str(exc)
    for said in landing.steps if landing is not None else ():
        print(session.scrub(f"done:     {said}"))
    kept = _pictures(session)
    if kept is not None:
        print(f"pictures: {kept}")
    if landing is None or not landing.caught:
        print(session.scrub(f"\nstuck: {problem or (landing.describe() if landing is not None else '')}"))
        return BLOCKED
    if args.storage_state:
        engine.browser.session(who).keep_state(Path(args.storage_state))
        print(f"session:  {args.storage_state}")
    return _came_back(landing, session)


def _came_back(landing: Landing, session: RunSession) -> int:
    if landing.value("code"):
        print("\nlogged in: a code came back to the app")
        return GOOD
    error = landing.value("error") or "neither code nor error"
    more = f" ({landing.value('error_description')})" if landing.value("error_description") else ""
    print(session.scrub(f"\nthe login came back to the app without a code: {error}{more}"))
    return FAILED


def _app(args: argparse.Namespace, session: RunSession) -> App:
    session.start()
    apps = session.apps
    assert apps is not None  # start() made them
    for client in session.target.clients_named(args.client):
        if "standalone" in client.launches:
            return apps.of(client, "standalone")
    raise UsageError("no client opens itself; an EHR launch is tried by smartlaunch try --target T")


def _pictures(session: RunSession) -> Path | None:
    """Keep the pictures where a person finds them."""
    import shutil

    names = session.recorder.attachments
    if not names:
        return None
    kept = new_run_folder(Path(files.REPORTS) / "login")
    kept.mkdir(parents=True)
    for number, name in enumerate(names, start=1):
        shutil.copyfile(session.folder / name, kept / f"{number:02d}-{Path(name).name}")
    return kept
