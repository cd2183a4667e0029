"""Requests as API Activity (6003)."""

from __future__ import annotations

from gateway_ext.audit.encoding import Event
from gateway_ext.audit.outputs.ocsf.parts import (
    FAILURE,
    OTHER,
    SUCCESS,
    Document,
    actor,
    control,
    gateway,
    operator,
    policy,
    source,
)

CLASS_UID = 6003
_READ = 2
_NANO_PER_MILLISECOND = 1_000_000


def of_decision(event: Event) -> Document:
    """From the caller to the gateway: what was asked, and what was decided."""
    decision = event.decision
    was_read = decision.action == "answer"
    document: Document = {
        "class_uid": CLASS_UID,
        "class_name": "API Activity",
        "activity_id": _READ if was_read else OTHER,
        "activity_name": "Read" if was_read else "Invoke",
        "status_id": FAILURE if decision.action == "refuse" else SUCCESS,
        "actor": actor(decision.principal),
        "src_endpoint": source(decision.source_address),
        "dst_endpoint": gateway(event),
        "api": _api(event, decision.endpoint),
        "http_request": {"length": decision.request_bytes, "url": {"path": decision.endpoint or "/"}},
        **control("redact" if decision.action == "forward" and decision.redactions else decision.action),
        **policy(decision.policy_digest),
    }
    if decision.reason:
        document["status_detail"] = decision.reason
    if decision.http_status:
        document["http_response"] = {"code": decision.http_status}
        document["status_code"] = str(decision.http_status)
    if decision.model and decision.candidates:
        document["ai_model"] = {"name": decision.model, "ai_provider": decision.candidates[0].provider}
    return document


def of_outcome(event: Event) -> Document:
    """From the gateway to the model that answered; the caller stands in the decision (`metadata.correlation_uid`)."""
    outcome = event.outcome
    is_success = 0 < outcome.http_status < 400
    document: Document = {
        "class_uid": CLASS_UID,
        "class_name": "API Activity",
        "activity_id": OTHER,
        "activity_name": "Invoke",
        "status_id": SUCCESS if is_success else FAILURE,
        "duration": outcome.duration_ns // _NANO_PER_MILLISECOND,
        "actor": {"app_name": "gateway-ext"},
        "src_endpoint": gateway(event),
        "api": _api(event, "model invocation"),
        **control("forward" if outcome.cluster else "refuse"),
    }
    if outcome.cluster:
        document["dst_endpoint"] = {"svc_name": outcome.cluster}
    if outcome.reason:
        document["status_detail"] = outcome.reason
    if outcome.http_status:
        document["http_response"] = {"code": outcome.http_status}
        document["status_code"] = str(outcome.http_status)
    if outcome.model:
        document["ai_model"] = {"name": outcome.model, "ai_provider": outcome.provider or "unknown"}
        document["message_context"] = {
            "uid": event.exchange_id,
            "service": {"name": "gateway-ext"},
            "prompt_tokens": outcome.input_tokens,
            "completion_tokens": outcome.output_tokens,
            "total_tokens": outcome.input_tokens + outcome.output_tokens,
        }
    return document


def of_denied_request(event: Event) -> Document:
    """Somebody asked the console for what they have no role for."""
    order = event.order
    return {
        "class_uid": CLASS_UID,
        "class_name": "API Activity",
        "activity_id": OTHER,
        "activity_name": "Request",
        "status_id": FAILURE,
        "status_detail": order.reason,
        "actor": operator(order.actor, order.actor_issuer),
        "src_endpoint": source(""),
        "dst_endpoint": gateway(event),
        "api": {"operation": order.value, "service": {"name": "gateway-ext console"}},
        **control("refuse"),
    }


def _api(event: Event, operation: str) -> Document:
    api: Document = {"operation": operation or "unknown", "service": {"name": "gateway-ext"}}
    if event.exchange_id:
        api["request"] = {"uid": event.exchange_id}
    return api
