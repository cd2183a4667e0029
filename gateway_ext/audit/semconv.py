"""Every OTLP name the audit trail is exported under: gen_ai.* where OpenTelemetry has a name, gateway.* for the rest.

The gen_ai names are of OpenTelemetry's GenAI semantic conventions, which are still in development; they may change
here and nowhere else. Attributes that have nothing to say are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gateway_ext.audit.encoding import Event
from gateway_ext.audit.events import EventName
from gateway_ext.wire import audit_pb2

if TYPE_CHECKING:  # a processor's installation reads records without OpenTelemetry
    from opentelemetry.util.types import AnyValue

SCOPE = "gateway_ext.audit"

# Named here because they are read back, too.
RECORD_ID = "gateway.record.id"
PROCESS = "gateway.process"
CLUSTER = "gateway.route.cluster"
EXCHANGE_ID = "gateway.exchange.id"
REQUEST_MODEL = "gen_ai.request.model"
RESPONSE_MODEL = "gen_ai.response.model"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
HTTP_STATUS = "http.response.status_code"
ACTION = "gateway.decision.action"
REASON = "gateway.decision.reason"
REFUSED_AT = "gateway.decision.refused_at"
RULES = "gateway.decision.rules"
LABELS = "gateway.decision.labels"
NEEDS = "gateway.decision.needs"
INPUT_TOKENS_MAX = "gateway.decision.input_tokens_max"
OUTPUT_TOKENS_MAX = "gateway.decision.output_tokens_max"
SHADOW_OF = "gateway.decision.shadow_of"
ENDPOINT = "url.path"
IS_STREAM = "gen_ai.request.stream"
REQUEST_BYTES = "http.request.body.size"
CREDENTIAL_CLASS = "gateway.principal.credential_class"
SUBJECT = "gateway.principal.subject"
FINDINGS = "gateway.guard.findings"
CANDIDATES = "gateway.route.candidates"
FLAGS = "gateway.outcome.flags"
DURATION_NS = "gateway.outcome.duration_ns"
FIRST_BYTE_NS = "gateway.outcome.time_to_first_byte_ns"
COST_NANO = "gateway.budget.cost_nano"
CURRENCY = "gateway.budget.currency"
ORDER_SCOPE = "gateway.order.scope"
ORDER_VALUE = "gateway.order.value"
ORDER_ACTOR = "gateway.order.actor"
ORDER_REASON = "gateway.order.reason"
ORDER_AMOUNT_NANO = "gateway.order.amount_nano"
AGREEMENT = "gateway.consent.agreement"
PARTY = "gateway.consent.party"
CONSENT_ACTOR = "gateway.consent.actor"
CONSENT_REASON = "gateway.consent.reason"
ALERT_BUDGET = "gateway.alert.budget"
ALERT_VALUE = "gateway.alert.value"
ALERT_PERCENT = "gateway.alert.threshold_percent"
ALERT_POSTED_NANO = "gateway.alert.posted_nano"
ALERT_LIMIT_NANO = "gateway.alert.limit_nano"

_OPERATIONS = {
    "/v1/chat/completions": "chat",
    "/v1/responses": "chat",
    "/v1/messages": "chat",
    "/v1/messages/count_tokens": "count_tokens",
    "/v1/completions": "text_completion",
    "/v1/embeddings": "embeddings",
}
_COMMON = (RECORD_ID, "gateway.record.sequence", "gateway.record.schema_version", EXCHANGE_ID)
_OWN_FIELDS: Mapping[str, tuple[str, ...]] = {  # of each body: what `own` reads, and what no attribute says
    "decision": (
        *("source_address", "request_bytes", "output_tokens_cap", "agent_run", "input_tokens_max", "shadow_of"),
        *("duration_ns", "hold_id", "held_nano", "trace_parent"),
    ),
    "outcome": (
        *("input_tokens", "output_tokens", "cached_input_tokens", "cache_write_tokens", "reasoning_tokens"),
        *("provider_duration_ns", "response_bytes", "source_address", "duration_ns", "time_to_first_byte_ns"),
        *("hold_id", "cost_nano"),
    ),
}
_NOTEWORTHY = frozenset(
    {
        EventName.DECISION_REFUSED,
        EventName.OUTCOME_UNPRICED,
        EventName.OUTCOME_RECOVERED,
        EventName.ENVOY_REFUSED,
        EventName.STOP_SET,
        EventName.STANDING_MADE,
        EventName.STANDING_FAILED,
        EventName.SIGNING_KEYS_REPLACED,
        EventName.CONSOLE_DENIED,
        EventName.CONSENT_MADE,
        EventName.CONSENT_FAILED,
        EventName.LOGIN_REFUSED,
        EventName.THRESHOLD_REACHED,
        EventName.OVERRUN_FORECAST,
        EventName.TOPUP_FAILED,
        EventName.POLICY_REFUSED,
        EventName.SUBJECTS_MADE,
        EventName.AUDIT_HOLDS_MADE,
    }
)


def is_noteworthy(event: Event) -> bool:
    """Whether the event is exported with severity WARN instead of INFO."""
    return event.name in _NOTEWORTHY


def operation(endpoint: str) -> str | None:
    """What is asked of a model at this endpoint, as GenAI's conventions call it; None when nothing is."""
    return _OPERATIONS.get(endpoint)


def resource(event: Event) -> Mapping[str, str]:
    """Who wrote the event. A run of a process is OpenTelemetry's service instance."""
    return {
        "service.name": "gateway-ext",
        "service.instance.id": event.run_id,
        PROCESS: event.processor,
    }


def attribute_names() -> tuple[str, ...]:
    """All names that `attributes` may give, each once."""
    bodies = (
        _decision(audit_pb2.Decision()),
        _outcome(audit_pb2.Outcome()),
        _order(audit_pb2.Order()),
        _consent(audit_pb2.Consent()),
        _alert(audit_pb2.Alert()),
    )
    return tuple(dict.fromkeys([*_COMMON, *(name for body in bodies for name in body)]))


def attributes(event: Event) -> dict[str, AnyValue]:
    """Attributes of one event: typed, numbers as numbers. Their order stays: lines of exports are compared with it."""
    return {name: value for name, value in (shared(event) | own(event)).items() if value or value == 0}


def shared(event: Event) -> dict[str, AnyValue]:
    """Those that many records say alike; None stands in the place of each own one."""
    values: dict[str, AnyValue] = dict.fromkeys(_COMMON)
    match event.WhichOneof("body"):
        case "decision":
            values |= _decision(event.decision)
        case "outcome":
            values |= _outcome(event.outcome)
        case "order":
            values |= _order(event.order)
        case "consent":
            values |= _consent(event.consent)
        case "alert":
            values |= _alert(event.alert)
    return values


def own(event: Event) -> dict[str, AnyValue]:
    """Those that hardly two records say alike: ids, times, amounts."""
    values: dict[str, AnyValue] = {
        RECORD_ID: event.id,
        "gateway.record.sequence": event.sequence,
        "gateway.record.schema_version": event.schema_version,
        EXCHANGE_ID: event.exchange_id,
    }
    match event.WhichOneof("body"):
        case "decision":
            values |= _own_of_decision(event.decision)
        case "outcome":
            values |= _own_of_outcome(event.outcome)
    return values


def without_own(event: Event) -> Event:
    """The name and the body without what `own` says of it: `shared` gives the same of it."""
    left = Event(name=event.name)
    if body := event.WhichOneof("body"):
        message = getattr(left, body)
        message.CopyFrom(getattr(event, body))
        for name in _OWN_FIELDS.get(body, ()):
            message.ClearField(name)
    return left


def _decision(decision: audit_pb2.Decision) -> dict[str, AnyValue]:
    caller = decision.principal
    return {
        "gen_ai.operation.name": operation(decision.endpoint),
        REQUEST_MODEL: decision.model,
        IS_STREAM: decision.stream,
        "gen_ai.provider.name": decision.candidates[0].provider if decision.candidates else None,
        "client.address": None,
        ENDPOINT: decision.endpoint,
        REQUEST_BYTES: None,
        HTTP_STATUS: decision.http_status or None,
        "gateway.interface": decision.interface,
        ACTION: decision.action,
        REASON: decision.reason,
        REFUSED_AT: decision.refused_at,
        RULES: list(decision.rules),
        "gateway.decision.output_tokens_cap": None,
        "gateway.decision.agent_run": None,
        "gateway.decision.data_classes": list(decision.data_classes),
        LABELS: list(decision.labels),
        NEEDS: list(decision.needs),
        INPUT_TOKENS_MAX: None,
        OUTPUT_TOKENS_MAX: decision.output_tokens_max or None,
        SHADOW_OF: None,
        "gateway.decision.model_asked": decision.model_asked,
        "gateway.guard.verdict": decision.verdict,
        "gateway.decision.duration_ns": None,
        "gateway.policy.digest": decision.policy_digest,
        SUBJECT: caller.subject,
        "gateway.principal.kind": caller.kind,
        "gateway.principal.issuer": caller.issuer,
        CREDENTIAL_CLASS: caller.credential_class,
        "gateway.principal.credential_id": caller.credential_id,
        "gateway.principal.team": caller.team,
        "gateway.principal.project": caller.project,
        "gateway.principal.application": caller.application,
        "gateway.principal.environment": caller.environment,
        "gateway.principal.groups": list(caller.groups),
        "gateway.principal.purpose": caller.purpose,
        "gateway.principal.email": caller.email,
        "gateway.principal.cost_center": caller.cost_center,
        "gateway.principal.front_end": caller.front_end,
        FINDINGS: [_finding(finding) for finding in decision.findings],
        "gateway.guard.finding_count": len(decision.findings),
        "gateway.guard.data_classes": sorted({finding.data_class for finding in decision.findings}),
        "gateway.guard.redactions": decision.redactions,
        "gateway.route.sovereign": decision.sovereign,
        CANDIDATES: [candidate.cluster for candidate in decision.candidates],
        "gateway.budget.hold_id": None,
        "gateway.budget.held_nano": None,
        CURRENCY: decision.currency,
    }


def _own_of_decision(decision: audit_pb2.Decision) -> dict[str, AnyValue]:
    return {
        "client.address": decision.source_address,
        REQUEST_BYTES: decision.request_bytes,
        "gateway.decision.output_tokens_cap": decision.output_tokens_cap or None,
        "gateway.decision.agent_run": decision.agent_run,
        INPUT_TOKENS_MAX: decision.input_tokens_max or None,
        SHADOW_OF: decision.shadow_of,
        "gateway.decision.duration_ns": decision.duration_ns,
        "gateway.budget.hold_id": decision.hold_id,
        "gateway.budget.held_nano": decision.held_nano,
    }


def _finding(finding: audit_pb2.Finding) -> dict[str, AnyValue]:
    return {
        "detector": finding.detector,
        "detector_version": finding.detector_version,
        "data_class": finding.data_class,
        "place": finding.place,
        "start": finding.start,
        "end": finding.end,
        "confidence": finding.confidence,
        "action": finding.action,
        "fingerprint": finding.fingerprint,
        "role": finding.role,
        "sovereign": finding.sovereign,
    }


def _outcome(outcome: audit_pb2.Outcome) -> dict[str, AnyValue]:
    return {
        "gen_ai.provider.name": outcome.provider,
        RESPONSE_MODEL: outcome.model,
        INPUT_TOKENS: None,
        OUTPUT_TOKENS: None,
        "gen_ai.usage.cache_read.input_tokens": None,
        "gen_ai.usage.cache_creation.input_tokens": None,
        "gateway.usage.cache_creation_one_hour.input_tokens": outcome.cache_write_1h_tokens or None,
        "gen_ai.usage.reasoning.output_tokens": None,
        "gateway.usage.audio.input_tokens": outcome.audio_input_tokens or None,
        "gateway.usage.audio.output_tokens": outcome.audio_output_tokens or None,
        "gateway.usage.image.input_tokens": outcome.image_input_tokens or None,
        "gateway.usage.image.output_tokens": outcome.image_output_tokens or None,
        HTTP_STATUS: outcome.http_status or None,
        CLUSTER: outcome.cluster,
        "gateway.route.jurisdiction": outcome.jurisdiction,
        "gateway.route.tier": outcome.tier,
        "gateway.route.attempts": outcome.attempts,
        "gateway.route.tried": list(outcome.tried),
        "gateway.outcome.provider_duration_ns": None,
        "http.response.body.size": None,
        "client.address": None,
        "gateway.outcome.settled_by": outcome.settled_by,
        FLAGS: list(outcome.flags),
        "gateway.outcome.reason": outcome.reason,
        DURATION_NS: None,
        FIRST_BYTE_NS: None,
        "gateway.outcome.saw_end_of_stream": outcome.saw_end_of_stream,
        "gateway.budget.hold_id": None,
        COST_NANO: None,
        CURRENCY: outcome.currency,
    }


def _own_of_outcome(outcome: audit_pb2.Outcome) -> dict[str, AnyValue]:
    has_usage = bool(outcome.input_tokens or outcome.output_tokens)
    return {
        INPUT_TOKENS: outcome.input_tokens if has_usage else None,
        OUTPUT_TOKENS: outcome.output_tokens if has_usage else None,
        "gen_ai.usage.cache_read.input_tokens": outcome.cached_input_tokens if has_usage else None,
        "gen_ai.usage.cache_creation.input_tokens": outcome.cache_write_tokens or None,
        "gen_ai.usage.reasoning.output_tokens": outcome.reasoning_tokens or None,
        "gateway.outcome.provider_duration_ns": outcome.provider_duration_ns or None,
        "http.response.body.size": outcome.response_bytes or None,
        "client.address": outcome.source_address,
        DURATION_NS: outcome.duration_ns,
        FIRST_BYTE_NS: outcome.time_to_first_byte_ns,
        "gateway.budget.hold_id": outcome.hold_id,
        COST_NANO: outcome.cost_nano,
    }


def _order(order: audit_pb2.Order) -> dict[str, AnyValue]:
    return {
        ORDER_SCOPE: order.scope,
        ORDER_VALUE: order.value,
        "gateway.order.issuer": order.issuer,
        ORDER_ACTOR: order.actor,
        "gateway.order.user": order.user,
        "gateway.order.actor_issuer": order.actor_issuer or None,
        ORDER_REASON: order.reason,
        "gateway.order.expires_unix_nano": order.expires_unix_nano or None,
        ORDER_AMOUNT_NANO: order.amount_nano or None,
        CURRENCY: order.currency,
    }


def _alert(alert: audit_pb2.Alert) -> dict[str, AnyValue]:
    return {
        "gateway.alert.id": alert.id,
        "gateway.alert.kind": alert.kind,
        ALERT_BUDGET: alert.budget,
        "gateway.alert.scope": alert.scope,
        ALERT_VALUE: alert.value,
        "gateway.alert.model": alert.model,
        "gateway.alert.period": alert.period,
        ALERT_PERCENT: alert.threshold_percent,
        ALERT_LIMIT_NANO: alert.limit_nano,
        ALERT_POSTED_NANO: alert.posted_nano,
        "gateway.alert.held_nano": alert.held_nano,
        "gateway.alert.hard": alert.hard,
        "gateway.alert.ends_unix_nano": alert.ends_unix_nano or None,
        "gateway.alert.exceeded_unix_nano": alert.exceeded_unix_nano or None,
        CURRENCY: alert.currency,
    }


def _consent(consent: audit_pb2.Consent) -> dict[str, AnyValue]:
    return {
        AGREEMENT: consent.agreement,
        "gateway.consent.version": consent.version,
        "gateway.consent.party_kind": consent.party_kind,
        PARTY: consent.party,
        CONSENT_ACTOR: consent.actor,
        "gateway.consent.user": consent.user,
        "gateway.consent.actor_issuer": consent.actor_issuer,
        CONSENT_REASON: consent.reason,
        "gateway.consent.shown_sha256": consent.shown_sha256,
    }
