"""An audit event as events of OCSF 1.8.0 (schema.ocsf.io): which classes, and what all of them have.

A request's decision and outcome, and a denied request to the console, are API Activity (6003); each finding is a Data Security
Finding (2006) or a Detection Finding (2004) besides; a login is Authentication (3002); every order of an operator, and every
agreement, changes or reads something that the gateway manages: Entity Management (3004), whose activities (suspend,
resume, enable, disable, …) say what was ordered, where API Activity knows create, read, update and delete alone.
What a budget's owner is told is a Detection Finding.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway_ext.audit import semconv
from gateway_ext.audit.encoding import Event
from gateway_ext.audit.events import EventName
from gateway_ext.audit.outputs.ocsf import administration, api_activity, findings
from gateway_ext.audit.outputs.ocsf.parts import Document, milliseconds, severity_id

VERSION = "1.8.0"

_LOGINS = frozenset({EventName.LOGIN_MADE, EventName.LOGIN_REFUSED, EventName.LOGIN_ENDED})
# Names of the OTLP output that OCSF has a place for; all others go into `unmapped`, so that nothing is left out.
_PLACED = frozenset(
    {
        *(semconv.RECORD_ID, "gateway.record.sequence", semconv.EXCHANGE_ID, semconv.SUBJECT, semconv.ENDPOINT),
        *("client.address", semconv.REQUEST_BYTES, semconv.HTTP_STATUS, semconv.FINDINGS, "gateway.policy.digest"),
        *(semconv.RESPONSE_MODEL, semconv.INPUT_TOKENS, semconv.OUTPUT_TOKENS, semconv.DURATION_NS),
        *(semconv.ORDER_ACTOR, semconv.ORDER_REASON, semconv.CONSENT_ACTOR, semconv.CONSENT_REASON),
    }
)


def to_ocsf(event: Event) -> list[Document]:
    """The event's own document first, then one for each finding. None holds a prompt or what a detector has matched."""
    main = _whole(event, _main(event), event.id)
    main["unmapped"] = {name: value for name, value in semconv.attributes(event).items() if name not in _PLACED}
    each = enumerate(findings.of_decision(event)) if event.HasField("decision") else ()
    return [main, *(_whole(event, finding, f"{event.id}:{number}") for number, finding in each)]


def _main(event: Event) -> Document:
    match event.WhichOneof("body"):
        case "decision":
            return api_activity.of_decision(event)
        case "outcome":
            return api_activity.of_outcome(event)
        case "order" if event.name in _LOGINS:
            return administration.of_login(event)
        case "order" if event.name == EventName.CONSOLE_DENIED:
            return api_activity.of_denied_request(event)
        case "order":
            return administration.of_order(event)
        case "consent":
            return administration.of_consent(event)
        case "alert":
            return findings.of_alert(event)
    return administration.of_unknown(event)


def _whole(event: Event, document: Document, uid: str) -> Document:
    """With what every class requires. `class_uid` and `activity_id` are the document's own."""
    metadata: Document = {
        "version": VERSION,
        "product": {"name": "gateway-ext", "vendor_name": "gateway-ext", "feature": {"name": "audit"}},
        "uid": uid,
        "event_code": event.name,
        "sequence": event.sequence,
        "log_name": "audit",
        "log_source": event.processor,
        "profiles": _profiles(document),
    }
    if event.exchange_id:
        metadata["correlation_uid"] = event.exchange_id
    return {
        "class_uid": document["class_uid"],
        "category_uid": document["class_uid"] // 1000,
        "activity_id": document["activity_id"],
        "type_uid": document["class_uid"] * 100 + document["activity_id"],
        "time": milliseconds(event),
        "severity_id": severity_id(event),
        "metadata": metadata,
        **document,
    }


def _profiles(document: dict[str, Any]) -> list[str]:
    used: Iterable[tuple[str, str]] = (("action_id", "security_control"), ("ai_model", "ai_operation"))
    return [profile for attribute, profile in used if attribute in document]
