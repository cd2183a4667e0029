"""Agreements that policy asks for: what the pipeline makes of a missing one, at which step, and what is left of money."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from gateway_ext.consent.rules import Agreement, PartyKind
from gateway_ext.errors import AgreementMissing, ConsentUnavailable
from gateway_ext.exchange import Answer, Endpoint, Text
from gateway_ext.guard.rules import GuardRules
from gateway_ext.response.forwarded import Forwarded
from gateway_ext.verdict import Verdict
from tests.unit.pipeline_world import ENGINE, World, code, request_head

TERMS = Agreement("terms", "2", "Terms of use", PartyKind.PERSON)
BODY = json.dumps({"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]}).encode()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    world.change("consent", agreements=(TERMS,))
    await world.ledger.open()
    yield world
    await world.ledger.close()


async def test_who_has_accepted_is_served(world: World) -> None:
    assert isinstance(await world.send("Hello"), Forwarded)


@pytest.mark.parametrize("path", ["/v1/chat/completions", Endpoint.MODELS, "/v1/unknown"])
async def test_a_missing_agreement_refuses_by_the_head_alone(world: World, path: str) -> None:
    world.consents.refusal = AgreementMissing(
        "Accept 'Terms of use' at: https://console.example.eu/agreements", rules=("agreement:terms",)
    )
    answer = world.pipeline.admit(request_head(path=path))
    assert isinstance(answer, Answer)
    assert (answer.http_status, code(answer)) == (403, "agreement_missing")
    assert "https://console.example.eu/agreements" in json.loads(answer.body)["error"]["message"]
    assert dict(answer.headers)["x-should-retry"] == "false"
    assert (world.decision.refused_at, world.decision.reason) == ("authenticate", "agreement_missing")
    assert world.decision.principal is not None
    assert world.decision.rules == ("agreement:terms",)


async def test_anthropic_s_clients_read_it_in_their_own_form(world: World) -> None:
    world.consents.refusal = AgreementMissing("Accept 'Terms of use'")
    answer = world.pipeline.admit(request_head(path="/v1/messages"))
    assert isinstance(answer, Answer)
    error = json.loads(answer.body)["error"]
    assert (error["type"], error["code"]) == ("permission_error", "agreement_missing")


async def test_a_consent_withdrawn_while_the_body_was_sent_holds_no_money(world: World) -> None:
    admitted = world.pipeline.admit(request_head())
    assert not isinstance(admitted, Answer)
    world.consents.refusal = AgreementMissing()
    assert code(await world.pipeline.decide(admitted, BODY)) == "agreement_missing"
    assert world.decision.hold_id == ""


async def test_a_consent_withdrawn_while_the_guard_reads_counts_and_releases_the_money(tmp_path: Path) -> None:
    class Slow:
        async def inspect(self, texts: Sequence[Text], rules: GuardRules) -> Verdict:
            slow.consents.refusal = AgreementMissing()
            return await ENGINE.inspect(texts, rules)

    slow = World(tmp_path, Slow())
    slow.change("consent", agreements=(TERMS,))
    await slow.ledger.open()
    assert code(await slow.send("Hello")) == "agreement_missing"
    assert slow.decision.refused_at == "route"
    assert (slow.held(), slow.posted()) == (0, 0)
    await slow.ledger.close()


async def test_when_nobody_knows_who_has_accepted_only_who_is_asked_is_refused(world: World) -> None:
    world.consents.refusal = ConsentUnavailable()
    answer = world.pipeline.admit(request_head())
    assert isinstance(answer, Answer)
    assert (answer.http_status, code(answer)) == (503, "consent_unavailable")
    assert dict(answer.headers)["x-should-retry"] == "true"
    world.change("consent", agreements=())
    assert isinstance(await world.send("Hello"), Forwarded)


async def test_a_stranger_is_told_nothing_about_agreements(world: World) -> None:
    world.consents.refusal = AgreementMissing()
    answer = world.pipeline.admit(request_head(claims={}))
    assert isinstance(answer, Answer)
    assert code(answer) == "unauthenticated"
