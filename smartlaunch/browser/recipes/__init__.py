"""What to do on a page never seen before: a pure function from a page, a plan and a memory to the next action.

A person reads a page from the most to the least certain sign; so do the recipes, in this order: a link back to the app, a form for a
password or a user name, the choice of a role, of a patient, of an encounter, the consent question, a notice with one way on. Each
recipe answers with an action or passes the page on. Nothing here touches a browser.
"""

from __future__ import annotations

from collections.abc import Sequence

from smartlaunch.browser.plan import LoginPlan
from smartlaunch.browser.recipes.chart import launch_from_chart
from smartlaunch.browser.recipes.consent import consent, is_consent
from smartlaunch.browser.recipes.encounters import choose_encounter
from smartlaunch.browser.recipes.fields import is_login
from smartlaunch.browser.recipes.notices import notice
from smartlaunch.browser.recipes.obstacles import Obstacle, blames_credentials, locked_words, obstacle_of
from smartlaunch.browser.recipes.patients import choose_patient
from smartlaunch.browser.recipes.roles import choose_role
from smartlaunch.browser.recipes.sign_in import sign_in
from smartlaunch.browser.recipes.situation import Act, Action, ChartGoal, Memory, Op, Recipe, Refused, Situation, Stuck, Wait, quoted
from smartlaunch.browser.snapshot import PageSnapshot

__all__ = [
    "RECIPES",
    "Act",
    "Action",
    "ChartGoal",
    "Memory",
    "Obstacle",
    "Op",
    "Refused",
    "Stuck",
    "Wait",
    "blames_credentials",
    "decide",
    "is_consent",
    "is_login",
    "locked_words",
    "obstacle_of",
]


def back_to_app(s: Situation) -> Action | None:
    """Follow a link that leads to one of the URIs to catch."""
    for control in s.page.of_kind("link"):
        if any(control.href.split("?")[0].split("#")[0] == uri.split("?")[0] for uri in s.catch):
            return Act("link", f"followed the link {quoted(control)}", (Op("click", control),), key=control.href[:60])
    return None


def decide(
    page: PageSnapshot,
    plan: LoginPlan,
    memory: Memory,
    *,
    catch: Sequence[str] = (),
    goal: ChartGoal | None = None,
) -> Action:
    """Choose the next action on a page. An action that was done twice on the same page without effect is not proposed again."""
    situation = Situation(page, plan, memory, catch, goal)
    for recipe in RECIPES:
        action = recipe(situation)
        if action is None:
            continue
        if isinstance(action, Act) and memory.times(action.topic, action.key) >= 2:
            return Stuck(f"the page came back unchanged after: {action.note}", came_back=True)
        return action
    return Wait()


RECIPES: tuple[Recipe, ...] = (
    back_to_app,
    sign_in,
    launch_from_chart,
    choose_role,
    choose_encounter,
    choose_patient,
    consent,
    notice,
)
