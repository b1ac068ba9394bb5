"""The browser: walks through a server's pages as a person would, and catches the way back to the app.

``Browser`` owns one browser process for a run, ``BrowserSession`` one person's cookies, ``LoginPlan`` what that person wants, and
``Landing`` where a walk ended. Playwright is imported when the first session starts, not before.
"""

from smartlaunch.browser.choice import BrowserChoice, find_browser, unpacked_folder
from smartlaunch.browser.landing import Landing, LandingKind
from smartlaunch.browser.plan import Consent, Deselect, LoginPlan, LoginStep, PageMatch, Recipe, parse_match, parse_steps
from smartlaunch.browser.session import Browser, BrowserSession
from smartlaunch.browser.snapshot import PageSnapshot

__all__ = [
    "Browser",
    "BrowserChoice",
    "BrowserSession",
    "Consent",
    "Deselect",
    "Landing",
    "LandingKind",
    "LoginPlan",
    "LoginStep",
    "PageMatch",
    "PageSnapshot",
    "Recipe",
    "find_browser",
    "parse_match",
    "parse_steps",
    "unpacked_folder",
]
