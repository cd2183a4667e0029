"""People who ask through a front end, from the head of the request to ledger and trail."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.budget.reserve import AccountKey
from gateway_ext.budget.status import read_accounts
from gateway_ext.exchange import Answer, ClientCertificate, Interface, VerifiedClaims
from gateway_ext.extproc import codec
from gateway_ext.extproc import events as e
from gateway_ext.identity.rules import FrontEnd
from gateway_ext.response.forwarded import Forwarded
from gateway_ext.standing.directives import Directive, Measure, Scope, Target
from gateway_ext.standing.standing import Standing
from gateway_ext.wire import ext_proc_pb2 as pb
from tests.unit.pipeline_world import World, code

EMAIL = "x-openwebui-user-email"
URI = "spiffe://example.eu/chat-ui"
CHAT_UI = {"sub": "chat-ui", "team": "platform", "groups": ["llm-services"], "jti": "credential-7", "client_uri": URI}
BODY = b'{"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]}'


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    found = World(tmp_path)
    await found.ledger.open()
    front_end = FrontEnd("chat-ui", "service", "chat-ui", "company", {"subject": EMAIL, "email": EMAIL})
    found.change("identity", front_ends={("service", "chat-ui"): front_end})
    yield found
    await found.ledger.close()
    found.pipeline.close()


async def ask(world: World, *people: str, **claims: Any) -> Forwarded | Answer:
    """As chat-ui, with one header for each of `people`."""
    return await world.send_body(
        BODY,
        interface=Interface.INTERNAL,
        claims={"service": VerifiedClaims(CHAT_UI | claims)},
        certificate=ClientCertificate(uri=URI),
        user_headers={EMAIL: people} if people else {},
    )


def spenders(world: World) -> set[str]:
    keys = [AccountKey.parse(account.key) for account in read_accounts(world.path)]
    return {key.value for key in keys if key.scope == "user"}


async def test_each_person_is_charged_and_recorded_with_the_front_end(world: World) -> None:
    for person in ("ada@example.eu", "bob@example.eu"):
        assert isinstance(await ask(world, person), Forwarded)
        principal = world.decision.principal
        assert principal is not None
        assert (principal.subject, principal.email, principal.kind) == (person, person, "person")
        assert (principal.issuer, principal.front_end, principal.credential_id) == (
            "company",
            "chat-ui",
            "credential-7",
        )
        assert world.decision.rules[0] == "access:services"
    assert spenders(world) == {"ada@example.eu", "bob@example.eu"}


async def test_a_request_for_nobody_or_for_two_is_refused_and_recorded_as_the_services(world: World) -> None:
    for people, expected in (((), "user_header_missing"), (("a@b.eu", "c@d.eu"), "user_header_invalid")):
        answer = await ask(world, *people)
        assert code(answer) == expected
        assert isinstance(answer, Answer)
        assert EMAIL.encode() in answer.body
        assert world.decision.principal is not None
        assert world.decision.principal.subject == "chat-ui"
        assert world.decision.refused_at == "authenticate"
    assert spenders(world) == set()


async def test_another_service_asks_for_itself_whatever_it_says(world: World) -> None:
    assert isinstance(await ask(world, "ada@example.eu", "bob@example.eu", sub="batch"), Forwarded)
    assert spenders(world) == {"batch"}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (Target(Measure.DISABLED, Scope.PERSON, "ada@example.eu", "company"), "person_disabled"),
        (Target(Measure.REVOKED, Scope.CREDENTIAL, "credential-7"), "credential_revoked"),
        (Target(Measure.STOPPED, Scope.PERSON, "chat-ui"), "stopped"),
    ],
)
async def test_orders_about_either_of_them_count(world: World, target: Target, expected: str) -> None:
    world.orders.standing = Standing.of([Directive(target, "ops", "because", 1)], 2)
    assert code(await ask(world, "ada@example.eu")) == expected
    if target.measure is Measure.DISABLED:
        assert isinstance(await ask(world, "bob@example.eu"), Forwarded)


async def test_access_rules_see_the_person(world: World) -> None:
    services = world.policy.snapshot.identity.access[1]
    world.change("identity", access=(dataclasses.replace(services, subjects=frozenset({"ada@example.eu"})),))
    assert isinstance(await ask(world, "ada@example.eu"), Forwarded)
    assert code(await ask(world, "bob@example.eu")) == "model_not_allowed"


def test_of_the_headers_those_that_policy_maps_are_read_each_value_apart(world: World) -> None:
    assert world.pipeline.user_headers == {EMAIL}
    lines = [(EMAIL, b"a@b.eu"), ("x-other", b"secret"), (EMAIL, b"c@d.eu"), (":path", b"/v1/models")]
    headers = pb.HeaderMap(headers=[pb.HeaderValue(key=key, raw_value=value) for key, value in lines])
    message = pb.ProcessingRequest(request_headers=pb.HttpHeaders(headers=headers))
    event = codec.decode(message, world.pipeline.user_headers)
    assert isinstance(event, e.RequestHeaders)
    assert event.user_headers == {EMAIL: ("a@b.eu", "c@d.eu")}
    assert event.fields == {":path": "/v1/models"}
    unmapped = codec.decode(message)
    assert isinstance(unmapped, e.RequestHeaders)
    assert unmapped.user_headers == {}
