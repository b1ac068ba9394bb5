"""Who is tested: the target file, read and checked.

Secrets are never in the file: they are references, and a `Secret` is looked up only when its value is needed.
"""

from smartlaunch.target.form import recipe_schema, schema
from smartlaunch.target.model import (
    APP_ROLES,
    LAUNCHES,
    Client,
    Deviation,
    EhrLaunch,
    Expect,
    Limits,
    Login,
    Patients,
    Probes,
    RecipeFile,
    Registered,
    Target,
    User,
    ehr_launch_scopes,
)
from smartlaunch.target.reader import EMBEDDED, load_deviations, load_target, parse_target, target_names
from smartlaunch.target.recipe_files import bundled_recipes, load_recipe
from smartlaunch.target.secret import Secret

__all__ = [
    "APP_ROLES",
    "EMBEDDED",
    "LAUNCHES",
    "Client",
    "Deviation",
    "EhrLaunch",
    "Expect",
    "Limits",
    "Login",
    "Patients",
    "Probes",
    "RecipeFile",
    "Registered",
    "Secret",
    "Target",
    "User",
    "bundled_recipes",
    "ehr_launch_scopes",
    "load_deviations",
    "load_recipe",
    "load_target",
    "parse_target",
    "recipe_schema",
    "schema",
    "target_names",
]
