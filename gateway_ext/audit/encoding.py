"""Audit records to protobuf and back. Together with its generated module, the only place that knows the wire format.

Callers choose two strings of a record: the model's name and the path. Both are recorded only in a form that cannot
carry content: a model must look like a model's name, a path must be an endpoint we serve.
"""

from __future__ import annotations

import re

from google.protobuf.message import DecodeError

from gateway_ext.audit.records import (
    AlertRecord,
    AuditRecord,
    ConsentRecord,
    DecisionRecord,
    OrderRecord,
    OutcomeRecord,
    VeiledDecision,
)
from gateway_ext.exchange import Endpoint, Finding, Principal, TraceParent
from gateway_ext.limits import MODEL_NAME_CHARACTERS_MAX
from gateway_ext.wire import audit_pb2
from gateway_ext.wire.audit_pb2 import Event

__all__ = ["Event", "decode_event", "encode_event"]

SCHEMA_VERSION = 1
WITHHELD = "(withheld)"

_MODEL_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._:/@+-]{{0,{MODEL_NAME_CHARACTERS_MAX - 1}}}")
_ENDPOINTS = frozenset(endpoint.value for endpoint in Endpoint)


def encode_event(record: AuditRecord, *, processor: str, run_id: str, sequence: int, time_unix_nano: int) -> bytes:
    """The record as bytes of an Event. Raises ValueError or TypeError when a field does not fit the format."""
    event = Event(
        schema_version=SCHEMA_VERSION,
        id=f"{run_id}-{sequence}",
        time_unix_nano=time_unix_nano,
        name=record.name,
        processor=processor,
        sequence=sequence,
        run_id=run_id,
    )
    match record:
        case DecisionRecord():
            event.exchange_id = record.exchange_id
            event.decision.MergeFrom(_decision(record))
        case VeiledDecision(decision):
            event.exchange_id = decision.exchange_id
            event.decision.MergeFrom(_decision(decision))
            _veil(event.decision.principal, record.pseudonym, record.sealed)
        case OutcomeRecord():
            event.exchange_id = record.outcome.exchange_id
            event.outcome.MergeFrom(_outcome(record))
        case OrderRecord():
            event.order.MergeFrom(_order(record))
        case ConsentRecord():
            event.consent.MergeFrom(_consent(record))
        case AlertRecord():
            event.alert.MergeFrom(_alert(record))
    return event.SerializeToString()


def decode_event(data: bytes) -> Event:
    """The Event in `data`. Raises ValueError when these bytes are none."""
    try:
        return Event.FromString(data)
    except DecodeError:
        raise ValueError("not an audit event") from None


def _decision(record: DecisionRecord) -> audit_pb2.Decision:
    return audit_pb2.Decision(
        action=record.action,
        http_status=record.http_status,
        reason=record.reason,
        refused_at=record.refused_at,
        principal=None if record.principal is None else _principal(record.principal),
        interface=record.interface,
        source_address=record.source_address,
        endpoint=record.endpoint if not record.endpoint or record.endpoint in _ENDPOINTS else WITHHELD,
        model=_model_name(record.model),
        stream=record.is_stream,
        policy_digest=record.policy_digest,
        findings=[_finding(finding) for finding in record.findings],
        sovereign=record.sovereign,
        candidates=[
            audit_pb2.Candidate(
                cluster=candidate.cluster,
                provider=candidate.provider,
                model=candidate.model,
                jurisdiction=candidate.jurisdiction,
                tier=candidate.tier,
            )
            for candidate in record.candidates
        ],
        hold_id=record.hold_id,
        held_nano=record.held_nano,
        currency=record.currency,
        request_bytes=record.request_bytes,
        redactions=record.redactions,
        duration_ns=record.duration_ns,
        rules=record.rules,
        output_tokens_cap=record.output_tokens_cap,
        agent_run=record.agent_run,
        data_classes=record.data_classes,
        labels=record.labels,
        needs=record.needs,
        input_tokens_max=record.estimate.input_tokens if record.estimate else 0,
        output_tokens_max=record.estimate.output_tokens if record.estimate else 0,
        shadow_of=record.shadow_of,
        model_asked=_model_name(record.model_asked),
        verdict=record.verdict,
        trace_parent=None if record.trace_parent is None else _trace_parent(record.trace_parent),
    )


def _model_name(name: str) -> str:
    return name if not name or _MODEL_NAME.fullmatch(name) else WITHHELD


def _trace_parent(parent: TraceParent) -> audit_pb2.TraceParent:
    return audit_pb2.TraceParent(
        trace_id=bytes.fromhex(parent.trace_id), span_id=bytes.fromhex(parent.span_id), sampled=parent.is_sampled
    )


def _principal(principal: Principal) -> audit_pb2.Principal:
    return audit_pb2.Principal(
        subject=principal.subject,
        kind=principal.kind,
        credential_class=principal.credential_class,
        credential_id=principal.credential_id,
        team=principal.team,
        project=principal.project,
        application=principal.application,
        environment=principal.environment,
        groups=sorted(principal.groups),
        purpose=principal.purpose,
        issuer=principal.issuer,
        email=principal.email,
        cost_center=principal.cost_center,
        front_end=principal.front_end,
    )


def _veil(principal: audit_pb2.Principal, pseudonym: str, sealed: bytes) -> None:
    principal.subject, principal.sealed = pseudonym, sealed
    principal.ClearField("email")
    principal.ClearField("credential_id")


def _finding(finding: Finding) -> audit_pb2.Finding:
    return audit_pb2.Finding(
        detector=finding.detector,
        detector_version=finding.detector_version,
        data_class=finding.data_class,
        place=finding.place,
        start=finding.start,
        end=finding.end,
        confidence=finding.confidence,
        action=finding.action,
        fingerprint=finding.fingerprint,
        role=finding.role,
        sovereign=finding.sovereign,
    )


def _outcome(record: OutcomeRecord) -> audit_pb2.Outcome:
    outcome, usage, served_by = record.outcome, record.usage, record.served_by
    event = audit_pb2.Outcome(
        http_status=outcome.http_status,
        cluster=outcome.cluster,
        attempts=outcome.attempts,
        cost_nano=record.cost_nano,
        currency=record.currency,
        settled_by=outcome.settled_by,
        flags=outcome.flags,
        duration_ns=outcome.duration_ns,
        time_to_first_byte_ns=outcome.time_to_first_byte_ns,
        saw_end_of_stream=outcome.saw_end_of_stream,
        hold_id=outcome.hold_id,
        reason=outcome.reason,
        tried=outcome.tried,
        provider_duration_ns=outcome.served_ns,
        response_bytes=outcome.response_bytes,
        source_address=outcome.source_address,
    )
    if served_by is not None:
        event.provider, event.model = served_by.provider, served_by.model
        event.jurisdiction, event.tier = served_by.jurisdiction, served_by.tier
    if usage is not None:
        event.input_tokens, event.output_tokens = usage.input_tokens, usage.output_tokens
        event.cached_input_tokens = usage.cached_input_tokens
        for kind, tokens in usage.kinds().items():
            setattr(event, kind, tokens)
    return event


def _order(record: OrderRecord) -> audit_pb2.Order:
    return audit_pb2.Order(
        scope=record.scope,
        value=record.value,
        issuer=record.issuer,
        actor=record.actor,
        user=record.user,
        reason=record.reason,
        expires_unix_nano=record.expires_unix_nano,
        actor_issuer=record.actor_issuer,
        amount_nano=record.amount_nano,
        currency=record.currency,
    )


def _alert(record: AlertRecord) -> audit_pb2.Alert:
    return audit_pb2.Alert(
        id=record.id,
        kind=record.kind,
        budget=record.budget,
        scope=record.scope,
        value=record.value.encode("utf-8", "replace").decode(),  # may be a claim with a lone surrogate
        model=_model_name(record.model),
        period=record.period,
        currency=record.currency,
        threshold_percent=record.threshold_percent,
        limit_nano=record.limit_nano,
        posted_nano=record.posted_nano,
        held_nano=record.held_nano,
        hard=record.hard,
        ends_unix_nano=record.ends_unix_nano,
        exceeded_unix_nano=record.exceeded_unix_nano,
    )


def _consent(record: ConsentRecord) -> audit_pb2.Consent:
    return audit_pb2.Consent(
        agreement=record.agreement,
        version=record.version,
        party_kind=record.party_kind,
        party=record.party,
        actor=record.actor,
        user=record.user,
        reason=record.reason,
        actor_issuer=record.actor_issuer,
        shown_sha256=record.shown_sha256,
    )
