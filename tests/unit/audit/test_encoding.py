import dataclasses

import pytest

from gateway_ext.audit.encoding import WITHHELD, Event, decode_event, encode_event
from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import (
    AlertRecord,
    AuditRecord,
    ConsentRecord,
    DecisionRecord,
    OrderRecord,
    OutcomeRecord,
)
from gateway_ext.exchange import (
    TOKEN_KINDS,
    Candidate,
    CredentialClass,
    Endpoint,
    Estimate,
    Finding,
    Outcome,
    Principal,
    Prompt,
    Text,
    TraceParent,
    Usage,
)
from gateway_ext.wire import audit_pb2

PRINCIPAL = Principal(
    "u1",
    "person",
    "company",
    CredentialClass.SSO,
    "key-1",
    "team",
    "project",
    "app",
    "prod",
    frozenset({"b", "a"}),
    "p",
)
FINDING = Finding("email", "1.2", "personal", 0, "/messages/0/content", 3, 9, 0.75, "redact", True, "f0f0")
CANDIDATE = Candidate("eu-1", "openai", "large", "EU", "sovereign")
DECISION = DecisionRecord(
    name=EventName.DECISION_FORWARDED,
    exchange_id="e1",
    action="forward",
    policy_digest="d1",
    interface="public",
    source_address="192.0.2.1",
    principal=PRINCIPAL,
    endpoint=Endpoint.CHAT_COMPLETIONS,
    model="large",
    is_stream=True,
    findings=(FINDING,),
    sovereign=True,
    candidates=(CANDIDATE,),
    hold_id="h1",
    held_nano=5,
    currency="EUR",
    request_bytes=100,
    redactions=1,
    duration_ns=7,
    output_tokens_cap=300,
    agent_run="run-1",
    data_classes=("internal", "personal"),
    labels=("contract",),
    needs=("tools",),
    estimate=Estimate(20, 30),
    shadow_of="e0",
    model_asked="larger",
    verdict="redact",
    trace_parent=TraceParent("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", is_sampled=True),
)
OUTCOME = OutcomeRecord(
    name=EventName.OUTCOME_SETTLED,
    outcome=Outcome(
        *("e1", "h1", 200, "eu-1", None, 10, 20, 2, 30, 40, True, "access_log", ("recovered",), "because"),
        served_ns=50,
        tried=("us-1", "eu-1"),
        source_address="192.0.2.0/24",
    ),
    usage=Usage(11, 12, 13),
    cost_nano=99,
    currency="EUR",
    served_by=CANDIDATE,
)


ORDER = OrderRecord(EventName.CREDENTIAL_REVOKED, "credential", "key-1", "company", "ops", "root", "lost laptop", 7)


ALERT = AlertRecord(
    EventName.THRESHOLD_REACHED,
    "a1",
    "threshold",
    "per-team",
    "team",
    "sales",
    "large",
    "2026-11",
    "EUR",
    80,
    1_000,
    800,
    50,
    True,
    7,
    9,
)


def encoded(record: AuditRecord) -> bytes:
    return encode_event(record, processor="p0", run_id="r", sequence=3, time_unix_nano=1234)


def test_envelope_identifies_the_record() -> None:
    event = decode_event(encoded(DECISION))
    assert (event.id, event.run_id, event.sequence, event.processor) == ("r-3", "r", 3, "p0")
    assert (event.name, event.exchange_id, event.time_unix_nano) == ("request:decision:forwarded", "e1", 1234)
    assert event.schema_version == 1


def test_decision_keeps_every_field() -> None:
    decision = decode_event(encoded(DECISION)).decision
    assert (decision.action, decision.interface, decision.source_address) == ("forward", "public", "192.0.2.1")
    assert (decision.endpoint, decision.model, decision.stream) == ("/v1/chat/completions", "large", True)
    assert (decision.hold_id, decision.held_nano, decision.currency) == ("h1", 5, "EUR")
    assert (decision.request_bytes, decision.redactions, decision.duration_ns) == (100, 1, 7)
    assert (decision.output_tokens_cap, decision.agent_run) == (300, "run-1")
    parent = decision.trace_parent
    assert (parent.trace_id.hex(), parent.span_id.hex()) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    assert parent.sampled
    assert (list(decision.data_classes), list(decision.labels)) == (["internal", "personal"], ["contract"])
    assert (list(decision.needs), decision.input_tokens_max, decision.output_tokens_max) == (["tools"], 20, 30)
    assert decision.shadow_of == "e0"
    assert (decision.model_asked, decision.verdict) == ("larger", "redact")
    assert decision.sovereign
    assert decision.policy_digest == "d1"
    assert decision.principal == audit_pb2.Principal(
        subject="u1",
        kind="person",
        issuer="company",
        credential_class="sso",
        credential_id="key-1",
        team="team",
        project="project",
        application="app",
        environment="prod",
        groups=["a", "b"],
        purpose="p",
    )
    assert list(decision.candidates) == [
        audit_pb2.Candidate(cluster="eu-1", provider="openai", model="large", jurisdiction="EU", tier="sovereign")
    ]
    assert list(decision.findings) == [
        audit_pb2.Finding(
            detector="email",
            detector_version="1.2",
            data_class="personal",
            place="/messages/0/content",
            start=3,
            end=9,
            confidence=0.75,
            action="redact",
            fingerprint="f0f0",
            sovereign=True,
        )
    ]


def test_a_decision_names_the_front_end_beside_the_person() -> None:
    service = dataclasses.replace(PRINCIPAL, subject="chat-ui", kind="service", issuer="service")
    ada = dataclasses.replace(PRINCIPAL, subject="ada@example.eu", asserted_by=service)
    principal = decode_event(encoded(dataclasses.replace(DECISION, principal=ada))).decision.principal
    assert (principal.subject, principal.front_end, principal.issuer) == ("ada@example.eu", "chat-ui", "company")
    assert decode_event(encoded(DECISION)).decision.principal.front_end == ""


def test_outcome_keeps_every_field() -> None:
    event = decode_event(encoded(OUTCOME))
    assert event.exchange_id == "e1"
    assert event.outcome == audit_pb2.Outcome(
        http_status=200,
        cluster="eu-1",
        provider="openai",
        model="large",
        jurisdiction="EU",
        attempts=2,
        input_tokens=11,
        output_tokens=12,
        cached_input_tokens=13,
        cost_nano=99,
        currency="EUR",
        settled_by="access_log",
        flags=["recovered"],
        duration_ns=30,
        time_to_first_byte_ns=40,
        saw_end_of_stream=True,
        hold_id="h1",
        reason="because",
        tier="sovereign",
        response_bytes=20,
        provider_duration_ns=50,
        tried=["us-1", "eu-1"],
        source_address="192.0.2.0/24",
    )


def test_every_kind_of_token_is_kept_and_none_that_there_is_not() -> None:
    kinds = {name: number for number, name in enumerate(TOKEN_KINDS, 100)}
    usage = Usage(11, 12, 13, is_estimated=False, served_ns=5, **kinds)
    outcome = decode_event(encoded(dataclasses.replace(OUTCOME, usage=usage))).outcome
    assert {name: getattr(outcome, name) for name in TOKEN_KINDS} == kinds
    plain = decode_event(encoded(OUTCOME)).outcome
    assert not [field.name for field, _ in plain.ListFields() if field.name in TOKEN_KINDS]


def test_an_empty_decision_is_still_a_decision() -> None:
    bare = DecisionRecord(EventName.DECISION_REFUSED, "", "", "", "", "")
    assert decode_event(encoded(bare)).WhichOneof("body") == "decision"


def test_no_text_of_a_request_reaches_the_bytes() -> None:
    marker = "MARKER-7391"
    prompt = Prompt(
        endpoint=Endpoint.CHAT_COMPLETIONS,
        model=f"{marker} as a model's name",
        document={"messages": [{"content": f"{marker} one", f"{marker} key": 1}], "user": marker},
        texts=(
            Text(("messages", 0, "content"), "/messages/0/content", "user", f"{marker} one"),
            Text(("messages", 0, f"{marker} key"), "/messages/0/*", "user", f"{marker} key", is_key=True),
        ),
        is_stream=False,
        asked_for_usage=False,
        output_tokens_asked=None,
        choices=1,
        body_bytes=100,
    )
    findings = tuple(
        dataclasses.replace(FINDING, text_index=index, place=text.place) for index, text in enumerate(prompt.texts)
    )
    record = dataclasses.replace(
        DECISION, model=prompt.model, endpoint=f"/v1/{marker}", findings=findings, request_bytes=prompt.body_bytes
    )
    data = encoded(record)
    assert marker.encode() not in data
    decision = decode_event(data).decision
    assert (decision.model, decision.endpoint) == (WITHHELD, WITHHELD)


def test_an_order_comes_back_as_it_was() -> None:
    event = decode_event(encoded(ORDER))
    assert (event.name, event.exchange_id, event.WhichOneof("body")) == ("standing:credential:revoked", "", "order")
    order = {field.name: getattr(event.order, field.name) for field in event.order.DESCRIPTOR.fields}
    assert order == {key: value for key, value in dataclasses.asdict(ORDER).items() if key != "name"}


def test_a_consent_comes_back_as_it_was() -> None:
    record = ConsentRecord(
        EventName.AGREEMENT_WITHDRAWN, "terms", "3", "person", "ada", "ops", "root", "left", "company", "ab" * 32
    )
    event = decode_event(encoded(record))
    assert (event.name, event.WhichOneof("body")) == ("consent:agreement:withdrawn", "consent")
    consent = {field.name: getattr(event.consent, field.name) for field in event.consent.DESCRIPTOR.fields}
    assert consent == {key: value for key, value in dataclasses.asdict(record).items() if key != "name"}


def test_an_alert_comes_back_as_it_was() -> None:
    event = decode_event(encoded(ALERT))
    assert (event.name, event.exchange_id, event.WhichOneof("body")) == ("budget:threshold:reached", "", "alert")
    alert = {field.name: getattr(event.alert, field.name) for field in event.alert.DESCRIPTOR.fields}
    assert alert == {key: value for key, value in dataclasses.asdict(ALERT).items() if key != "name"}


def test_an_alert_carries_no_text_in_the_place_of_a_name() -> None:
    odd = dataclasses.replace(ALERT, value="a\ud800", model="words of a caller")
    alert = decode_event(encoded(odd)).alert
    assert (alert.value, alert.model) == ("a?", WITHHELD)


def test_the_format_has_no_room_for_content() -> None:
    """A new string field must be thought about here before it can be recorded."""
    strings = {
        f"{message.name}.{field.name}"
        for message in audit_pb2.DESCRIPTOR.message_types_by_name.values()
        for field in message.fields
        if field.type in (field.TYPE_STRING, field.TYPE_BYTES)
    }
    assert strings == {
        *(f"Event.{name}" for name in ("id", "name", "exchange_id", "processor", "run_id")),
        *(
            f"Principal.{field.name}"
            for field in dataclasses.fields(Principal)
            if field.name not in {"models", "budget", "asserted_by"}
        ),
        *("Principal.front_end", "Principal.sealed"),  # a service's; what a pseudonym hides, encrypted
        *(
            f"Finding.{name}"
            for name in ("detector", "detector_version", "data_class", "place", "action", "fingerprint", "role")
        ),
        *(f"Candidate.{name}" for name in ("cluster", "provider", "model", "jurisdiction", "tier")),
        *(f"Decision.{name}" for name in ("action", "reason", "refused_at", "interface", "source_address", "endpoint")),
        *(f"Decision.{name}" for name in ("model", "policy_digest", "hold_id", "currency", "rules")),
        *(f"Decision.{name}" for name in ("data_classes", "labels", "needs")),  # words of policy and of the protocol
        "Decision.shadow_of",  # an id of ours
        *("Decision.model_asked", "Decision.verdict"),  # checked like the model; a word of ours
        "TraceParent.trace_id",  # a caller's, of 16 and 8 bytes: dialects/trace_context.py
        "TraceParent.span_id",
        "Decision.agent_run",  # a caller's, of the characters of an id: dialects/request_heads.py
        *(f"Outcome.{name}" for name in ("cluster", "provider", "model", "jurisdiction", "currency", "settled_by")),
        *(f"Outcome.{name}" for name in ("flags", "reason", "hold_id", "tier", "tried")),
        "Outcome.source_address",
        *(
            f"Order.{name}" for name in ("scope", "value", "issuer", "actor", "user", "reason", "actor_issuer")
        ),  # an operator's words
        "Order.currency",
        *(f"Alert.{name}" for name in ("id", "kind", "budget", "scope", "value", "model", "period", "currency")),
        *(f"Consent.{name}" for name in ("agreement", "version", "party_kind", "party", "actor", "user", "reason")),
        *(f"Consent.{name}" for name in ("actor_issuer", "shown_sha256")),
    }


@pytest.mark.parametrize(
    "model", ["gpt-4.1", "meta-llama/Llama-3.3-70B", "ft:gpt:acme::1", "anthropic.claude-v2:1", "models/x@eu+fast"]
)
def test_real_model_names_are_recorded(model: str) -> None:
    assert decode_event(encoded(dataclasses.replace(DECISION, model=model))).decision.model == model


@pytest.mark.parametrize("change", [{"http_status": -1}, {"model": 5}, {"reason": "\ud800"}])
def test_what_does_not_fit_is_an_error(change: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        encoded(dataclasses.replace(DECISION, **change))  # type: ignore[arg-type]  # wrong on purpose


def test_foreign_bytes_are_no_event() -> None:
    with pytest.raises(ValueError, match="not an audit event"):
        decode_event(b"\xff\xff\xff")
    assert isinstance(decode_event(b""), Event)
