"""The request path, step by step and way out by way out."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import OutcomeRecord
from gateway_ext.audit.rules import SourceAddresses
from gateway_ext.exchange import (
    Answer,
    Endpoint,
    Estimate,
    Interface,
    Outcome,
    ResponseReading,
    Text,
    Usage,
    VerifiedClaims,
)
from gateway_ext.guard.rules import Action, GuardRules
from gateway_ext.response.forwarded import Exchange, Forwarded
from gateway_ext.verdict import Verdict
from tests.unit.pipeline_world import AWS_KEY, IBAN, World, code, request_head


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.ledger.open()
    yield made
    await made.ledger.close()


async def test_a_clean_request_is_held_recorded_and_forwarded(world: World) -> None:
    decided = await world.send("What is a monad?")
    assert isinstance(decided, Forwarded)
    assert [c.cluster for c in decided.forward.candidates] == ["simulator-us/assistant", "simulator-eu/assistant"]
    record = world.decision
    assert record.name is EventName.DECISION_FORWARDED
    assert record.principal is not None
    assert record.principal.subject == "demo@local"
    assert record.held_nano == decided.hold.amount_nano > 0
    assert world.held() == 2 * record.held_nano, "per user and per team"


async def test_a_request_that_says_how_long_its_answer_may_be_is_not_encoded_again(world: World) -> None:
    decided = await world.send("What is a monad?", max_tokens=100)
    assert isinstance(decided, Forwarded)
    assert decided.forward.body is None, "nothing to change"


async def test_personal_data_goes_to_the_sovereign_deployment_only(world: World) -> None:
    decided = await world.send(f"Pay to {IBAN}")
    assert isinstance(decided, Forwarded)
    assert [c.jurisdiction for c in decided.forward.candidates] == ["FR"]
    assert world.decision.sovereign
    assert world.decision.rules == (
        "access:people",
        "budget:per-user",
        "budget:per-team",
        "found:personal",
        "found:sovereign",
        "class:personal",
        "guard:iban",
    )


async def test_without_a_sovereign_deployment_there_is_no_route(world: World) -> None:
    assert code(await world.send(f"Pay to {IBAN}", model="frontier-only")) == "no_sovereign_route"
    assert world.decision.refused_at == "route"
    assert world.held() == 0


async def test_a_blocked_secret_is_refused_and_the_money_released(world: World) -> None:
    assert code(await world.send(f"key {AWS_KEY}")) == "content_blocked"
    assert world.decision.refused_at == "inspect"
    assert world.held() == 0


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "system", "content": f"k {AWS_KEY}"}, {"role": "user", "content": "hi"}],
        [{"role": "user", "content": f"k {AWS_KEY}"}, {"role": "assistant", "content": "ok"}],
        [{"role": "user", "content": [{"type": "text", "text": f"k {AWS_KEY}"}]}],
        [{"role": "tool", "tool_call_id": "1", "content": f"k {AWS_KEY}"}],
        [
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": "1", "type": "function", "function": {"name": "f", "arguments": f'{{"k": "{AWS_KEY}"}}'}}
                ],
            }
        ],
        [{"role": "user", "content": "hi", "name": AWS_KEY}],
    ],
)
async def test_every_text_of_every_role_is_inspected(world: World, messages: list[Any]) -> None:
    body = json.dumps({"model": "assistant", "messages": messages}).encode()
    assert code(await world.send_body(body)) == "content_blocked"


@pytest.mark.parametrize("tokens", [[1, 2, 3], [[1, 2], [3]]])
async def test_token_ids_are_no_way_around_the_guard(world: World, tokens: list[Any]) -> None:
    body = json.dumps({"model": "embedder", "input": tokens}).encode()
    assert code(await world.send_body(body, path="/v1/embeddings")) == "content_unreadable"
    assert world.held() == 0
    world.change_guard(denies_token_ids=False)
    assert isinstance(await world.send_body(body, path="/v1/embeddings"), Forwarded)


async def test_redaction_reaches_the_body_and_only_its_span(world: World) -> None:
    rules = world.policy.snapshot.guard.request
    redacting = {**rules.detectors, "iban": dataclasses.replace(rules.classes["personal"], action=Action.REDACT)}
    world.change_guard(detectors=redacting)
    decided = await world.send(f"Pay to {IBAN} today, é", temperature=0.5)
    assert isinstance(decided, Forwarded)
    assert decided.forward.body is not None
    document = json.loads(decided.forward.body)
    assert document["messages"][0]["content"] == "Pay to [IBAN] today, é"
    assert document["temperature"] == 0.5
    assert world.decision.redactions == 1


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ({"claims": {}}, "unauthenticated"),
        ({"claims": {"personal": VerifiedClaims({"sub": "x", "jti": "c"})}}, "claim_missing"),
        ({"interface": Interface.INTERNAL}, "credential_on_wrong_interface"),
        ({"path": "/v1/files"}, "endpoint_unknown"),
        ({"path": "/v1/chat/completions/"}, "endpoint_unknown"),
        ({"method": "GET"}, "method_not_allowed"),
        ({"content_type": "multipart/form-data"}, "content_type_unsupported"),
        ({"content_type": ""}, "content_type_unsupported"),
        ({"content_type": "application/json; charset=utf-7"}, "content_type_unsupported"),
    ],
)
async def test_what_the_head_alone_refuses(world: World, head: dict[str, Any], expected: str) -> None:
    answer = world.pipeline.admit(request_head(**head))
    assert isinstance(answer, Answer)
    assert code(answer) == expected
    assert world.decision.reason == expected


async def test_keys_that_nobody_renewed_are_not_believed(world: World) -> None:
    """Of an identity provider whose keys Envoy fetches; here nobody has seen a fetch."""
    issuers = world.policy.snapshot.identity.issuers
    aged = dataclasses.replace(issuers["personal"], keys_max_age_seconds=86_400)
    world.change("identity", issuers={**issuers, "personal": aged})
    answer = world.pipeline.admit(request_head())
    assert isinstance(answer, Answer)
    assert (answer.http_status, code(answer)) == (503, "identity_provider_unavailable")
    assert world.decision.reason == "identity_provider_unavailable"
    world.change("identity", issuers=issuers)
    assert not isinstance(world.pipeline.admit(request_head()), Answer)


@pytest.mark.parametrize(
    ("body", "head", "expected"),
    [
        (b"", {}, "body_invalid"),
        (b"[]", {}, "body_invalid"),
        (b'{"model":"assistant","model":"x","messages":[]}', {}, "body_invalid"),
        (b'{"model":"assistant","messages":[{"role":"user","content":"\xff"}]}', {}, "body_invalid"),
        (b"{}", {"content_encoding": "zstd"}, "content_coding_unsupported"),
        (b'{"model":"nobody","messages":[{"role":"user","content":"hi"}]}', {}, "model_not_found"),
    ],
)
async def test_what_the_body_alone_refuses(world: World, body: bytes, head: dict[str, Any], expected: str) -> None:
    assert code(await world.send_body(body, **head)) == expected
    assert world.decision.reason == expected
    assert world.held() == 0


async def test_a_model_nobody_granted(world: World) -> None:
    world.change("identity", access=())
    assert code(await world.send("hi")) == "model_not_allowed"


async def test_what_a_rule_does_not_reach_is_left_out_before_money_is_held(world: World) -> None:
    everything = world.policy.snapshot.identity.access[0]
    eu = dataclasses.replace(everything, name="eu", tiers=frozenset({"open-eu"}))
    world.change("identity", access=(eu,))
    decided = await world.send("hi")
    assert isinstance(decided, Forwarded)
    assert {candidate.tier for candidate in decided.forward.candidates} == {"open-eu"}
    in_eu = world.held()
    world.change("identity", access=(everything, eu))
    decided = await world.send("hi")
    assert isinstance(decided, Forwarded)
    assert {candidate.tier for candidate in decided.forward.candidates} == {"frontier", "open-eu"}
    assert world.held() - in_eu > in_eu  # the dearest of them
    assert world.decision.rules[:2] == ("access:people", "access:eu")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"tiers": frozenset({"on-premises"})}, "tier_not_allowed"),
        ({"endpoints": frozenset({Endpoint.EMBEDDINGS})}, "endpoint_not_allowed"),
        ({"purposes": frozenset({"research"})}, "purpose_not_allowed"),
        ({"environments": frozenset({"test"})}, "model_not_allowed"),
    ],
)
async def test_what_rules_narrow_is_refused_by_name_and_not_listed(
    world: World, changes: dict[str, Any], expected: str
) -> None:
    everything = world.policy.snapshot.identity.access[0]
    world.change("identity", access=(dataclasses.replace(everything, **changes),))
    assert code(await world.send("hi")) == expected
    assert (world.decision.refused_at, world.held()) == ("authenticate", 0)
    answer = world.pipeline.admit(request_head(method="GET", path="/v1/models"))
    assert isinstance(answer, Answer)
    listed = {model["id"] for model in json.loads(answer.body)["data"]}
    assert ("assistant" in listed) == (expected == "endpoint_not_allowed")


async def test_no_budget_and_no_room_are_429_before_any_model(world: World) -> None:
    rules = world.policy.snapshot.budget
    world.change("budget", budgets=())
    assert code(await world.send("hi")) == "budget_missing"
    world.change("budget", budgets=tuple(dataclasses.replace(rule, limit_nano=1) for rule in rules.budgets))
    answer = await world.send("hi")
    assert code(answer) == "budget_exhausted"
    assert isinstance(answer, Answer)
    assert dict(answer.headers)["x-should-retry"] == "false"


async def test_no_record_no_request(world: World) -> None:
    world.audit.is_full = True
    assert code(await world.send("hi")) == "audit_unavailable"
    assert world.held() == 0


class FailingGuard:
    def __init__(self, error: Exception) -> None:
        self.error = error

    async def inspect(self, texts: Sequence[Text], rules: GuardRules) -> Verdict:
        raise self.error


@pytest.mark.parametrize("error", [ValueError("marker-text"), MemoryError(), KeyError("marker-text")])
async def test_an_exception_of_the_guard_is_a_refusal_that_says_nothing(
    tmp_path: Path, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(tmp_path, FailingGuard(error))
    await world.ledger.open()
    answer = await world.send("marker-text")
    assert code(answer) == "internal_error"
    assert world.held() == 0
    assert "marker-text" not in repr(answer) + caplog.text + repr(world.audit.records)
    await world.ledger.close()


class StuckGuard:
    def __init__(self) -> None:
        self.entered = asyncio.Event()

    async def inspect(self, texts: Sequence[Text], rules: GuardRules) -> Verdict:
        self.entered.set()
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_cancelled_decision_releases_the_money_and_forwards_nothing(tmp_path: Path) -> None:
    guard = StuckGuard()
    world = World(tmp_path, guard)
    await world.ledger.open()
    async with asyncio.TaskGroup() as group:
        deciding = group.create_task(world.send("hi"))
        await guard.entered.wait()
        assert world.held() > 0
        deciding.cancel()
    await world.pipeline.background.drain(5)
    assert deciding.cancelled()
    assert world.held() == 0
    assert (world.decision.reason, world.decision.refused_at) == ("interrupted", "inspect")
    await world.ledger.close()


def outcome(decided: Forwarded, **changes: Any) -> Outcome:
    values: dict[str, Any] = {
        "exchange_id": decided.exchange.id,
        "hold_id": decided.hold.id,
        "http_status": 200,
        "cluster": "simulator-us/assistant",
        "usage": Usage(1000, 100),
        "request_bytes": 100,
        "response_bytes": 100,
        "attempts": 1,
        "duration_ns": 1,
        "time_to_first_byte_ns": 1,
        "saw_end_of_stream": True,
        "settled_by": "access_log",
    }
    return Outcome(**(values | changes))


async def test_the_access_log_settles_and_records(world: World) -> None:
    decided = await world.send("hi")
    assert isinstance(decided, Forwarded)
    await world.pipeline.conclude([(outcome(decided), decided.estimate)])
    record = world.audit.records[-1]
    assert isinstance(record, OutcomeRecord)
    assert record.name is EventName.OUTCOME_SETTLED
    (dated,) = world.policy.snapshot.budget.prices["simulator-us/assistant"]
    expected = dated.price.cost_nano(Usage(1000, 100))
    assert record.cost_nano == expected
    assert record.served_by is not None
    assert record.served_by.jurisdiction == "US"
    assert (world.held(), world.posted()) == (0, 2 * expected)


async def test_an_upstream_error_costs_nothing(world: World) -> None:
    decided = await world.send("hi")
    assert isinstance(decided, Forwarded)
    await world.pipeline.conclude([(outcome(decided, http_status=500, usage=None), decided.estimate)])
    assert (world.held(), world.posted()) == (0, 0)


async def test_an_outcome_that_is_told_twice_is_settled_once(world: World) -> None:
    decided = await world.send("hi")
    assert isinstance(decided, Forwarded)
    await world.pipeline.conclude([(outcome(decided, usage=Usage(10, 10)), decided.estimate)])
    after_the_first = world.posted()
    await world.pipeline.conclude([(outcome(decided, usage=None), decided.estimate)])
    assert world.posted() == after_the_first > 0
    record = world.audit.records[-1]
    assert isinstance(record, OutcomeRecord)
    assert record.usage == Usage(10, 10)


async def test_a_refusal_of_envoys_own_is_recorded_unpriced(world: World) -> None:
    refused = Outcome("", "", 401, "", None, 0, 0, 0, 1, 0, True, "access_log", (), "jwt_authn_access_denied")
    await world.pipeline.conclude([(refused, Estimate(0, 0))])
    record = world.audit.records[-1]
    assert isinstance(record, OutcomeRecord)
    assert record.name is EventName.ENVOY_REFUSED


@pytest.mark.parametrize(("rule", "kept"), [("keep", "192.0.2.7:1234"), ("truncate", "192.0.2.0/24"), ("drop", "")])
async def test_policy_says_how_much_of_an_address_is_recorded(world: World, rule: str, kept: str) -> None:
    world.change("audit", source_addresses=SourceAddresses(rule))
    await world.send("hi")
    assert world.decision.source_address == kept
    refused = Outcome("", "", 401, "", None, 0, 0, 0, 1, 0, True, "access_log", source_address="192.0.2.7:1234")
    await world.pipeline.conclude([(refused, Estimate(0, 0))])
    record = world.audit.records[-1]
    assert isinstance(record, OutcomeRecord)
    assert record.outcome.source_address == kept


async def test_a_record_says_what_the_guard_made_of_a_request(world: World) -> None:
    await world.send("hi")
    assert world.decision.verdict == "allow"
    await world.send("key AKIA" + "Z7VQ3HX5TLRPWN2C")
    assert (world.decision.verdict, world.decision.reason) == ("deny", "content_blocked")
    await world.send("hi", model="nobody")
    assert world.decision.verdict == ""


async def test_an_outcome_without_a_record_keeps_no_other_from_being_settled(world: World) -> None:
    """A full audit log refuses outcomes of refusals; they come in one message with those of forwarded requests."""
    decided = await world.send("hi")
    assert isinstance(decided, Forwarded)
    world.audit.is_full = True
    refused = Outcome("e", "", 503, "", None, 0, 0, 0, 1, 0, True, "access_log", (), "gateway_ext_audit_unavailable")
    await world.pipeline.conclude([(refused, Estimate(0, 0)), (outcome(decided), decided.estimate)])
    assert world.held() == 0
    assert world.posted() > 0


async def test_models_are_those_the_caller_may_use(world: World) -> None:
    answer = world.pipeline.admit(request_head(method="GET", path="/v1/models", content_type=""))
    assert isinstance(answer, Answer)
    assert answer.http_status == 200
    listed = {entry["id"] for entry in json.loads(answer.body)["data"]}
    assert listed == set(world.policy.snapshot.routing.models)
    assert world.decision.name is EventName.DECISION_ANSWERED


async def test_one_model_is_named_by_its_path(world: World) -> None:
    answer = world.pipeline.admit(request_head(method="GET", path="/v1/models/assistant%2Deu", content_type=""))
    assert isinstance(answer, Answer)
    assert (answer.http_status, json.loads(answer.body)["id"]) == (200, "assistant-eu")
    world.change(
        "identity", access=(dataclasses.replace(world.policy.snapshot.identity.access[0], models=("embedder",)),)
    )
    for name in ("assistant-eu", "none"):
        refused = world.pipeline.admit(request_head(method="GET", path=f"/v1/models/{name}", content_type=""))
        assert isinstance(refused, Answer)
        assert code(refused) == "model_not_found"


@pytest.mark.parametrize(
    ("usage_chunk", "metering", "media_type", "asks", "expected"),
    [
        ("strip", "envoy", "text/event-stream", False, ResponseReading.STREAM),
        ("strip", "envoy", "text/event-stream", True, ResponseReading.NOTHING),
        ("pass", "envoy", "text/event-stream", False, ResponseReading.NOTHING),
        ("pass", "processor", "text/event-stream", True, ResponseReading.STREAM),
        ("pass", "processor", "application/json", True, ResponseReading.WHOLE),
        ("pass", "envoy", "application/json", True, ResponseReading.NOTHING),
    ],
)
async def test_a_response_is_read_only_where_policy_asks_for_it(
    world: World, usage_chunk: str, metering: str, media_type: str, asks: bool, expected: ResponseReading
) -> None:
    world.change("routing", usage_chunk=usage_chunk, metering=metering)
    decided = await world.send("hi", stream=True, stream_options={"include_usage": asks})
    assert isinstance(decided, Forwarded)
    assert world.pipeline.answers.choose(decided, 200, media_type, "") is expected
    assert world.pipeline.answers.choose(decided, 500, media_type, "") is ResponseReading.NOTHING


async def test_a_stream_asks_the_provider_for_usage(world: World) -> None:
    decided = await world.send("hi", stream=True)
    assert isinstance(decided, Forwarded)
    assert decided.forward.body is not None
    assert json.loads(decided.forward.body)["stream_options"] == {"include_usage": True}


async def test_no_content_reaches_a_record(world: World) -> None:
    secrets = [IBAN, AWS_KEY, "marker-in-text", "marker-in-key", "marker-model"]
    await world.send(f"marker-in-text {IBAN}", metadata={"marker-in-key": f"{IBAN} marker-in-text"})
    await world.send(f"marker-in-text {AWS_KEY}", **{"marker-in-key": AWS_KEY})
    await world.send("marker-in-text", model="marker-model")
    said = repr(world.audit.records)
    assert "finding" in said.lower()
    for secret in secrets:
        assert secret not in said


async def test_an_exchange_is_judged_by_the_snapshot_it_was_admitted_under(world: World) -> None:
    admitted = world.pipeline.admit(request_head())
    assert isinstance(admitted, Exchange)
    world.change("identity", access=())
    body = json.dumps({"model": "assistant", "messages": [{"role": "user", "content": "hi"}]}).encode()
    assert isinstance(await world.pipeline.decide(admitted, body), Forwarded)
