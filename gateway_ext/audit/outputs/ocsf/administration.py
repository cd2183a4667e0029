"""Logins as Authentication (3002); orders and agreements as Entity Management (3004)."""

from __future__ import annotations

from gateway_ext.audit.encoding import Event
from gateway_ext.audit.events import EventName
from gateway_ext.audit.outputs.ocsf.parts import FAILURE, OTHER, SUCCESS, Document, operator

AUTHENTICATION, ENTITY_MANAGEMENT = 3002, 3004

_LOGON, _LOGOFF = 1, 2
_CREATE, _READ, _UPDATE, _DELETE = 1, 2, 3, 4
_ENABLE, _DISABLE, _ACTIVATE, _DEACTIVATE, _SUSPEND, _RESUME = 8, 9, 10, 11, 12, 13
_ACTIVITIES = {
    EventName.STOP_SET: _SUSPEND,
    EventName.STOP_UNDONE: _RESUME,
    EventName.CREDENTIAL_REVOKED: _DEACTIVATE,
    EventName.CREDENTIAL_RESTORED: _ACTIVATE,
    EventName.PERSON_DISABLED: _DISABLE,
    EventName.PERSON_ENABLED: _ENABLE,
    EventName.STANDING_MADE: _CREATE,
    EventName.STANDING_FAILED: _UPDATE,
    EventName.AGREEMENT_ACCEPTED: _CREATE,
    EventName.AGREEMENT_WITHDRAWN: _DELETE,
    EventName.CONSENT_MADE: _CREATE,
    EventName.CONSENT_FAILED: _UPDATE,
    EventName.CREDENTIAL_MINTED: _CREATE,
    EventName.SIGNING_KEY_ROTATED: _UPDATE,
    EventName.SIGNING_KEYS_REPLACED: _UPDATE,
    EventName.PROVIDER_KEY_CHANGED: _UPDATE,
    EventName.TOPUP_GRANTED: _UPDATE,
    EventName.TOPUP_ENDED: _UPDATE,
    EventName.TOPUP_FAILED: _UPDATE,
    EventName.POLICY_ACTIVATED: _ACTIVATE,
    EventName.POLICY_REFUSED: _ACTIVATE,
    EventName.VALUE_MARKED: _UPDATE,
    EventName.DOCUMENT_REGISTERED: _CREATE,
    EventName.DOCUMENT_FORGOTTEN: _DELETE,
    EventName.CHARGES_EXPORTED: _READ,
    EventName.VALUE_MARKED: _UPDATE,
    EventName.DOCUMENT_REGISTERED: _CREATE,
    EventName.DOCUMENT_FORGOTTEN: _DELETE,
    EventName.CHARGES_EXPORTED: _READ,
    EventName.AUDIT_SEARCHED: _READ,
    EventName.AUDIT_EXPORTED: _READ,
    EventName.AUDIT_RECORDS_ERASED: _DELETE,
    EventName.AUDIT_HOLDS_MADE: _CREATE,
    EventName.AUDIT_HOLD_SET: _CREATE,
    EventName.AUDIT_HOLD_LIFTED: _DELETE,
    EventName.SUBJECTS_MADE: _CREATE,
    EventName.SUBJECT_REVEALED: _READ,
    EventName.SUBJECT_REPORTED: _READ,
    EventName.SUBJECT_ERASED: _DELETE,
}
_FAILED = frozenset(
    {
        EventName.STANDING_FAILED,
        EventName.CONSENT_FAILED,
        EventName.TOPUP_FAILED,
        EventName.POLICY_REFUSED,
        EventName.LOGIN_REFUSED,
    }
)
_OPENID = 4  # auth_protocol_id


def of_login(event: Event) -> Document:
    order = event.order
    who = operator(order.actor, order.actor_issuer)
    is_end = event.name == EventName.LOGIN_ENDED
    document: Document = {
        "class_uid": AUTHENTICATION,
        "class_name": "Authentication",
        "activity_id": _LOGOFF if is_end else _LOGON,
        "status_id": _status_id(event),
        "auth_protocol_id": _OPENID,
        "is_remote": True,
        "user": who["user"],
        "actor": who,
        "service": {"name": "gateway-ext console"},
    }
    if order.value:
        document["session"] = {"uid": order.value}
    if order.reason:
        document["status_detail"] = order.reason
    return document


def of_order(event: Event) -> Document:
    order = event.order
    entity: Document = {"name": order.value or order.scope or "unknown", "type": order.scope or "unknown"}
    return _entity_management(event, entity, operator(order.actor, order.actor_issuer), order.reason)


def of_consent(event: Event) -> Document:
    consent = event.consent
    entity: Document = {"name": consent.agreement or "agreements", "type": "agreement", "version": consent.version}
    if consent.party:
        entity["org" if consent.party_kind == "team" else "user"] = {"name": consent.party}
    return _entity_management(event, entity, operator(consent.actor, consent.actor_issuer), consent.reason)


def of_unknown(event: Event) -> Document:
    """A record of a later version of the format: that there is one is told, too."""
    return _entity_management(event, {"name": event.name or "unknown", "type": "unknown"}, operator("", ""), "")


def _entity_management(event: Event, entity: Document, actor: Document, comment: str) -> Document:
    activity_id = _activity_id(event)
    document: Document = {
        "class_uid": ENTITY_MANAGEMENT,
        "class_name": "Entity Management",
        "activity_id": activity_id,
        "status_id": _status_id(event),
        "actor": actor,
        "entity": {**entity, "type_id": OTHER},
    }
    if activity_id == OTHER:
        document["activity_name"] = event.name
    if comment:
        document["comment"] = comment
    return document


def _activity_id(event: Event) -> int:
    try:
        return _ACTIVITIES.get(EventName(event.name), OTHER)
    except ValueError:  # of a later version
        return OTHER


def _status_id(event: Event) -> int:
    return FAILURE if event.name in _FAILED else SUCCESS
