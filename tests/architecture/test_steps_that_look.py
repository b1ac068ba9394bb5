"""A Then only looks: whatever is sent to a server is sent in Given or When, so that a reader finds the act of a scenario in its When.

The lint of the features asks for the When; here the functions behind Then are held to it. An app or an engine is there to be read from,
as far as this table says, and is handed to nobody who could send with it.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from smartlaunch.plugin.lint import order_of_steps

ROOT = Path(__file__).resolve().parents[2]

READ = {
    "App": {"client", "launches.context"},
    "Apps": {"launches.context"},
    "Engine": {
        "target",
        "discovery",  # its documents are read once in a run, by whoever comes first
        "recorder.attach_to_current",
        "issuer_parameter",
        "redirect_status",
        "forms_sent",
        "exchanges_of",
    },
}
"""What a Then may look at, by the type of its parameter."""
NOT_READ = {"Engine": {"discovery.read"}}
READERS = {
    "brands.identifier",
    "client_credentials.require_offered",
    "configuration",
    "id_token.as_usual",
    "id_token.is_elsewhere",
    "id_token.issuer",
    "no_refresh_token",
    "unless_asked",
}
"""Functions that look at an engine's documents, or at the scopes of an app's client, and send nothing."""


def thens() -> Iterator[tuple[str, ast.FunctionDef]]:
    for path in sorted((ROOT / "steps").glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and any(ast.unparse(d).startswith("then(") for d in node.decorator_list):
                yield f"{path.name}:{node.lineno} {node.name}", node


def chain(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> str:
    """The attributes read from a name, as far as they go."""
    names = []
    while isinstance(parent := parents.get(node), ast.Attribute):
        names.append(parent.attr)
        node = parent
    return ".".join(names)


def acts(function: ast.FunctionDef) -> list[str]:
    """What in a function could send something."""
    kinds = {a.arg: ast.unparse(a.annotation) for a in function.args.args if a.annotation is not None}
    parents = {child: node for node in ast.walk(function) for child in ast.iter_child_nodes(node)}
    found = []
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and node.attr == "app" and not chain(node, parents).startswith("client"):
            found.append(f"{ast.unparse(node)} is used")
        if not isinstance(node, ast.Name) or kinds.get(node.id) not in READ or not isinstance(node.ctx, ast.Load):
            continue
        kind, used = kinds[node.id], chain(node, parents)
        allowed = any(f"{used}.".startswith(f"{name}.") for name in READ[kind])
        if used and (not allowed or any(f"{used}.".startswith(f"{name}.") for name in NOT_READ.get(kind, ()))):
            found.append(f"{node.id}.{used} is used")
        call = parents.get(node)
        if not used and not (isinstance(call, ast.Call) and ast.unparse(call.func) in READERS):
            found.append(f"{node.id} is handed on")
    return found


def test_a_then_sends_nothing() -> None:
    assert {where: found for where, function in thens() if (found := acts(function))} == {}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("probe(app)", "app is handed on"),
        ("app.grant()", "app.grant is used"),
        ("engine.discovery.read(base)", "engine.discovery.read is used"),
        ("probe(engine.http)", "engine.http is used"),
        ("read(ticket.app)", "ticket.app is used"),
        ("[probe(app) for _ in range(2)]", "app is handed on"),
        ("judge(app.client.client_id, ticket.app.client, engine.discovery.exchange, brands.identifier(engine))", ""),
    ],
)
def test_the_test_sees_what_acts(body: str, why: str) -> None:
    function = ast.parse(f"def step(judge, app: App, engine: Engine, ticket: Ticket):\n    {body}").body[0]
    assert isinstance(function, ast.FunctionDef)
    assert acts(function) == ([why] if why else [])


def test_there_are_functions_to_look_at() -> None:
    assert len(list(thens())) > 200


@pytest.mark.parametrize(
    ("kinds", "why"),
    [
        ("given when then", ""),
        ("when when then then", ""),
        ("given then", "no When"),
        ("given when", "no Then"),
        ("when then when then", "Given, When, Then"),
        ("when given then", "Given, When, Then"),
    ],
)
def test_the_lint_asks_for_one_order(kinds: str, why: str) -> None:
    found = "; ".join(order_of_steps(kinds.split()))
    assert why in found if why else not found
