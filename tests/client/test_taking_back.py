"""What a run wrote on the server is deleted at its end, also where the token that wrote it is over by then."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.client.conftest import Server, refused


class Store:
    """A FHIR server that keeps resources, and knows which token is in force."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.in_force = ""

    def answer(self, request: httpx.Request) -> httpx.Response:
        path, token = request.url.path, request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token != self.in_force:
            return httpx.Response(401)
        if request.method == "POST":
            self.kept[f"{path}/{len(self.kept)}"] = token
            return httpx.Response(201, headers={"Location": f"{list(self.kept)[-1]}/_history/1"})
        if request.method == "DELETE":
            return httpx.Response(204 if self.kept.pop(path, "") else 404)
        return httpx.Response(200, json={"resourceType": "Patient", "id": "7"})


@pytest.fixture
def store(server: Server) -> Store:
    """The store, behind a token endpoint that gives another token each time, each the only one in force; the first is over at once."""
    store, given = Store(), iter(range(1, 99))

    def token(_form: dict[str, str], _request: httpx.Request) -> httpx.Response:
        number = next(given)
        store.in_force = f"token-{number}-long-enough"
        return httpx.Response(
            200,
            json={
                "access_token": store.in_force,
                "token_type": "Bearer",
                "expires_in": 0 if number == 1 else 3600,
                "scope": "launch/patient patient/*.rs",
                "patient": "7",
            },
        )

    server.token = token
    server.fhir = store.answer
    return store


def written(run: Callable[..., Any], store: Store) -> Any:
    """A run that has created two resources with a grant that several scenarios share."""
    made = run()
    app = made.apps.any()
    grant = app.grant()
    for _ in range(2):
        assert made.engine.fhir.send("POST", "Observation", grant.access_token, resource={}).answer.status == 201
    assert len(store.kept) == 2
    return made


def test_a_token_that_is_in_force_deletes(run: Callable[..., Any], store: Store, server: Server) -> None:
    made = written(run, store)
    logins = server.logins()
    made.engine.fhir.take_back(5, made.apps.in_force)
    assert store.kept == {}
    assert server.logins() == logins


def test_one_more_login_deletes_what_a_token_wrote_that_is_over(run: Callable[..., Any], store: Store, server: Server) -> None:
    made = written(run, store)
    logins, store.in_force = server.logins(), "nobody's"
    made.engine.fhir.take_back(5, made.apps.in_force)
    assert store.kept == {}
    assert server.logins() == logins + 1


def test_what_nobody_can_delete_stays_and_ends_nothing(run: Callable[..., Any], store: Store, server: Server) -> None:
    made = written(run, store)
    store.in_force = "nobody's"
    server.token = lambda _form, _request: refused("invalid_grant")
    made.engine.fhir.take_back(5, made.apps.in_force)
    assert len(store.kept) == 2


def test_a_token_of_no_app_is_its_own_successor(run: Callable[..., Any], store: Store) -> None:
    made = written(run, store)
    assert made.apps.in_force("of-somebody-else") == "of-somebody-else"
