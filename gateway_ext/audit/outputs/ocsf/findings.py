"""What detectors have found, and what budgets' owners are told, as findings: Data Security (2006) and Detection (2004)."""

from __future__ import annotations

from collections.abc import Iterator

from gateway_ext.audit.encoding import Event
from gateway_ext.audit.outputs.ocsf.parts import (
    HIGH,
    LOW,
    MEDIUM,
    OTHER,
    Document,
    actor,
    control,
    milliseconds,
    policy,
    source,
)
from gateway_ext.wire import audit_pb2

DATA_SECURITY, DETECTION = 2006, 2004
_CREATE = 1
_APPLICATION_DLP = 10  # detection_system_id
_IN_TRANSIT = 2  # data_lifecycle_state_id
_CATEGORIES = {"personal": 1, "confidential": 4, "secret": 6}  # category_id: personal, business, security
_SEVERITIES = {"allowed": 1, "log": LOW, "block": HIGH}


def of_decision(event: Event) -> Iterator[Document]:
    """One for each finding, in their order. Classes of data are the first kind, all else (injection, harmful) the second."""
    for number, finding in enumerate(event.decision.findings):
        confidence = min(1.0, max(0.0, finding.confidence))  # NaN: 0
        common = {
            "activity_id": _CREATE,
            "severity_id": _SEVERITIES.get(finding.action, MEDIUM),
            "is_alert": finding.action == "block",
            "confidence_score": round(confidence * 100),
            "confidence_id": 3 if confidence >= 0.8 else 2 if confidence >= 0.5 else 1,
            "finding_info": _info(event, finding, number),
            "resources": [{"name": event.decision.model or "unknown", "type": "AI model"}],
            **control(finding.action),
            **policy(event.decision.policy_digest),
            "unmapped": _place(finding),
        }
        if finding.data_class in _CATEGORIES:
            yield common | _data_security(event, finding)
        else:
            yield common | _detection(event)


def _info(event: Event, finding: audit_pb2.Finding, number: int) -> Document:
    return {
        "uid": f"{event.id}:{number}",
        "title": f"{finding.data_class or 'finding'}: {finding.detector}",
        "types": [finding.data_class or "finding"],
        "created_time": milliseconds(event),
        "analytic": {
            "type_id": OTHER,
            "type": "Detector",
            "name": finding.detector or "unknown",
            "version": finding.detector_version,
        },
        "related_events": [{"uid": event.id}],
    }


def _place(finding: audit_pb2.Finding) -> Document:
    """Where in the request, and the keyed HMAC by which repeats are counted: nothing of the value itself."""
    return {
        "place": finding.place,
        "start": finding.start,
        "end": finding.end,
        "role": finding.role,
        "fingerprint": finding.fingerprint,
    }


def _data_security(event: Event, finding: audit_pb2.Finding) -> Document:
    return {
        "class_uid": DATA_SECURITY,
        "class_name": "Data Security Finding",
        "actor": actor(event.decision.principal),
        "src_endpoint": source(event.decision.source_address),
        "data_security": {
            "category_id": _CATEGORIES[finding.data_class],
            "data_lifecycle_state_id": _IN_TRANSIT,
            "detection_system_id": _APPLICATION_DLP,
            "detection_pattern": finding.detector,  # the detector's name; pattern_match would be the value
        },
    }


def _detection(event: Event) -> Document:
    evidence = {"actor": actor(event.decision.principal), "src_endpoint": source(event.decision.source_address)}
    return {"class_uid": DETECTION, "class_name": "Detection Finding", "evidences": [evidence]}


def of_alert(event: Event) -> Document:
    alert = event.alert
    return {
        "class_uid": DETECTION,
        "class_name": "Detection Finding",
        "activity_id": _CREATE,
        "is_alert": True,
        "finding_info": {
            "uid": alert.id or event.id,
            "title": f"budget {alert.kind}: {alert.budget}",
            "types": ["budget"],
            "created_time": milliseconds(event),
            "analytic": {"type_id": OTHER, "type": "Budget", "name": alert.budget or "unknown"},
        },
        "resources": [{"name": alert.value or "all", "type": alert.scope or "budget"}],
    }
