"""What several OCSF classes are made of. Every object here meets its constraint "at least one of" (objects of OCSF 1.8.0)."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from gateway_ext.audit import semconv
from gateway_ext.audit.encoding import Event
from gateway_ext.wire import audit_pb2

Document = dict[str, Any]

OTHER = 99
SUCCESS, FAILURE = 1, 2  # status_id
LOW, MEDIUM, HIGH = 2, 3, 4  # severity_id; 1: informational
_USER_TYPES = {"person": 1, "service": 4}

# action_id and disposition_id of the profile security_control, by what was done about a request, an answer or a value.
_ACTIONS = {
    "forward": (1, 1),  # allowed
    "answer": (1, 1),
    "release": (1, 1),
    "allowed": (1, 1),
    "refuse": (2, 2),  # denied, blocked
    "withhold": (2, 2),
    "block": (2, 2),
    "redact": (4, 11),  # modified, corrected
    "pseudonymize": (4, 11),
    "log": (3, 17),  # observed, logged
    "score": (3, 17),
}


def milliseconds(event: Event) -> int:
    return event.time_unix_nano // 1_000_000


def severity_id(event: Event) -> int:
    return MEDIUM if semconv.is_noteworthy(event) else 1


def control(action: str) -> Document:
    """What a security control did. An action that is not known here is told by its name."""
    if action not in _ACTIONS:
        return {"action_id": OTHER, "action": action or "none", "disposition_id": 0}
    action_id, disposition_id = _ACTIONS[action]
    return {"action_id": action_id, "disposition_id": disposition_id}


def actor(caller: audit_pb2.Principal) -> Document:
    if not caller.subject:
        return {"user": {"name": "unauthenticated", "type_id": 0}}
    user: Document = {"uid": caller.subject, "name": caller.subject, "type_id": _USER_TYPES.get(caller.kind, 0)}
    if caller.credential_id:
        user["credential_uid"] = caller.credential_id
    if caller.email:
        user["email_addr"] = caller.email
    if caller.groups:
        user["groups"] = [{"name": group} for group in caller.groups]
    found: Document = {"user": user}
    if caller.application:
        found["app_name"] = caller.application
    if caller.issuer:
        found["idp"] = {"name": caller.issuer}
    return found


def operator(name: str, issuer: str) -> Document:
    """Who gave an order, and which identity provider vouched for them; none for a command."""
    found: Document = {"user": {"name": name or "unknown", "type_id": 0}}
    if issuer:
        found["idp"] = {"name": issuer}
    return found


def source(address: str) -> Document:
    """The caller's endpoint; a policy may keep addresses out of the trail."""
    try:
        return {"ip": str(ip_address(address))}
    except ValueError:
        return {"name": address or "not recorded"}


def gateway(event: Event) -> Document:
    """The gateway itself, as an endpoint."""
    return {"svc_name": "gateway-ext", "instance_uid": event.run_id or event.processor or "unknown"}


def policy(digest: str) -> Document:
    return {"policy": {"name": "gateway-ext policy", "uid": digest}} if digest else {}
