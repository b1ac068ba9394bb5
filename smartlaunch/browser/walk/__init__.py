"""One walk: from an address through whatever pages come to a landing.

The loop looks at the page, lets the recipes decide, acts, and looks again. Everything it waits for has a limit, and a page that
only needs time to load is told from one on which nothing can be done by the quiet of its network and of its content.
"""

from __future__ import annotations

from collections.abc import Sequence

from smartlaunch.browser import recipes
from smartlaunch.browser.landing import Landing
from smartlaunch.browser.recipes import Act, Refused, Stuck
from smartlaunch.browser.snapshot import PageSnapshot
from smartlaunch.browser.walk import ending
from smartlaunch.browser.walk.acting import perhaps, press_enter_instead
from smartlaunch.browser.walk.looking import look_at, moved
from smartlaunch.browser.walk.opening import open_address
from smartlaunch.browser.walk.state import Driver, End, Walk, Window, rest
from smartlaunch.browser.walk.steps import scripted_step

__all__ = ["Driver", "Walk", "Window", "run"]

_DEEP_LINKS = (401, 403, 404)
"""What hosts of static pages answer to an address that only the script of the page knows."""
_OF_A_FLOW = ("login", "user", "patient", "encounter", "consent")
"""What recipes do on the pages between a request and its answer."""


def run(walk: Walk, url: str, method: str, form: Sequence[tuple[str, str]]) -> Landing:
    """Open the address and walk on to a landing; raise LoginStuck when credentials were refused."""
    from playwright.sync_api import Error

    walk.deadline = walk.began + walk.total_s
    try:
        try:
            open_address(walk, url, method, form)
            while True:
                _tick(walk)
        except Error as error:
            if walk.crashed or "crashed" in str(error):
                ending.end_crashed(walk)
            raise
    except End as end:
        ending.note_success(walk)
        return ending.landing(walk, end.kind, end.reason)


def _tick(walk: Walk) -> None:
    walk.beat()
    ending.end_if_over(walk)
    if ending.end_if_unanswered(walk):
        walk.pump()
        return
    page = look_at(walk)
    ending.end_if_caught(walk)
    if page is None or not _consider(walk, page):
        walk.pump()


def _consider(walk: Walk, page: PageSnapshot) -> bool:
    """Act on the page when it is time to; say whether anything was done."""
    if page.document == walk.stale or (page.url.startswith(("about:", "chrome-error:")) and not page.controls):
        ending.nothing_shown(walk)
        return False
    if not moved(walk, page):
        return False
    if walk.stop_when is not None and page.ready and walk.stop_when(page):
        raise End("stopped")
    if page.status >= 400 and not recipes.is_login(page) and not _served_under_an_error(walk, page):
        ending.error_page(walk, page)
        return False
    if not page.ready:
        ending.end_if_slow(walk)
        return False
    return not walk.handed_over and (scripted_step(walk, page) or _by_recipe(walk, page))


def _served_under_an_error(walk: Walk, page: PageSnapshot) -> bool:
    """Whether a page with an error status is one that a person goes on from: a script may draw a picker under every address of a host."""
    if page.status not in _DEEP_LINKS or not page.scripts or not page.ready:
        return False
    action = recipes.decide(page, walk.plan, walk.memory, catch=walk.net.uris, goal=walk.goal)
    return isinstance(action, Act) and action.topic in _OF_A_FLOW


def _by_recipe(walk: Walk, page: PageSnapshot) -> bool:
    """Do what the recipes say."""
    if walk.plan.only_steps and walk.goal is None:
        ending.idle(walk, page, "no step of the target file names this page, and login.recipe is `steps`")
        return False
    action = recipes.decide(page, walk.plan, walk.memory, catch=walk.net.uris, goal=walk.goal)
    if not isinstance(action, Act) or action.topic in ("login", "user", "notice"):
        ending.end_if_locked(walk, page)
    if isinstance(action, Act):
        return perhaps(walk, page, action)
    if isinstance(action, Refused):
        return _came_back(walk, page, action)
    if not isinstance(action, Stuck):
        ending.idle(walk, page)
    elif walk.quiet() >= ending.patience(page) or walk.here() > walk.step_s:
        walk.not_offered, walk.no_denial, walk.lacks = action.not_offered, action.no_denial, action.lacks
        walk.complaint = ending.called_out(walk) if action.came_back else ""
        ending.give_up(walk, action.reason)
    return False


def _came_back(walk: Walk, page: PageSnapshot, action: Refused) -> bool:
    """Tell a form that was never sent from one that the server refused."""
    if press_enter_instead(walk):
        return True
    if walk.acted is not None and walk.acted.sent == walk.recording.sent:
        ending.give_up(walk, "the sign-in form was filled, but neither its button nor Enter sent anything")
    elif walk.quiet() >= rest(page) or walk.here() > 2:
        ending.refused(walk, page, action.reason)
    return False
