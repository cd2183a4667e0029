"""Audit records as processes write them, for tests of what is made of them."""

from __future__ import annotations

from dataclasses import replace

from gateway_ext.audit.encoding import Event, decode_event, encode_event
from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import AuditRecord, DecisionRecord, OutcomeRecord
from gateway_ext.exchange import (
    Candidate,
    CredentialClass,
    Endpoint,
    Finding,
    Outcome,
    Principal,
    TraceParent,
    Usage,
)

NOW = 1_800_000_000_000_000_000  # Unix time, nanoseconds
MILLISECOND = 1_000_000
EXCHANGE_ID = "00112233445566778899aabbccddeeff"
SUBJECT, EMAIL, CREDENTIAL, ADDRESS = "ada@corp.example", "ada.l@corp.example", "key-of-ada", "192.0.2.77"
PARENT = TraceParent("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", is_sampled=True)
US = Candidate("openai/large", "openai", "gpt-large", "US", "standard")
ADA = Principal(
    SUBJECT,
    "person",
    "company",
    CredentialClass.PERSONAL,
    CREDENTIAL,
    team="sales",
    email=EMAIL,
    groups=frozenset({"a"}),
)
IBAN = Finding("iban", "1", "personal", 0, "/messages/0/content", 0, 22, 1.0, "redact", True, "f0f0", "user")
FORWARDED = DecisionRecord(
    name=EventName.DECISION_FORWARDED,
    exchange_id=EXCHANGE_ID,
    action="forward",
    policy_digest="d1",
    interface="public",
    source_address=ADDRESS,
    principal=ADA,
    endpoint=Endpoint.CHAT_COMPLETIONS,
    model="assistant",
    is_stream=True,
    findings=(IBAN, IBAN),
    candidates=(US,),
    hold_id=EXCHANGE_ID,
    held_nano=500_000_000,
    currency="EUR",
    duration_ns=3 * MILLISECOND,
    agent_run="run-of-ada",
)
REFUSED = replace(
    FORWARDED,
    name=EventName.DECISION_REFUSED,
    action="refuse",
    http_status=429,
    reason="budget_exhausted",
    refused_at="budget",
    candidates=(),
    findings=(),
    hold_id="",
)
INSPECTED = replace(FORWARDED, name=EventName.ANSWER_INSPECTED, action="redact", findings=(IBAN,))
ENDED = Outcome(
    exchange_id=EXCHANGE_ID,
    hold_id=EXCHANGE_ID,
    http_status=200,
    cluster=US.cluster,
    usage=None,
    request_bytes=10,
    response_bytes=20,
    attempts=2,
    duration_ns=900 * MILLISECOND,
    time_to_first_byte_ns=200 * MILLISECOND,
    saw_end_of_stream=True,
    settled_by="access_log",
)
SETTLED = OutcomeRecord(EventName.OUTCOME_SETTLED, ENDED, Usage(1000, 50), 12_345_678, "EUR", US)


def event(record: AuditRecord, at_unix_nano: int = NOW, sequence: int = 1) -> Event:
    """As it is read back."""
    return decode_event(
        encode_event(record, processor="processor-0", run_id="r", sequence=sequence, time_unix_nano=at_unix_nano)
    )


def outcome(**changes: object) -> OutcomeRecord:
    return replace(SETTLED, outcome=replace(ENDED, **changes))  # type: ignore[arg-type]  # names of its fields
