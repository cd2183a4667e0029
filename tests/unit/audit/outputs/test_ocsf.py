"""Against an extract of OCSF's own schema: an attribute that is used here and not there is a mistake."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.audit import semconv
from gateway_ext.audit.encoding import Event
from gateway_ext.audit.events import EventName
from gateway_ext.audit.outputs.ocsf.mapping import to_ocsf
from tests.unit.audit.outputs import samples

SCHEMA = json.loads((Path(__file__).parent / "ocsf_1_8_0.json").read_text())
CLASSES = {each["uid"]: each for each in SCHEMA["classes"].values()}
NUMBERS = ("integer_t", "long_t", "timestamp_t")


def faults(document: Mapping[str, Any], kind: Mapping[str, Any], profiles: Sequence[str], path: str) -> list[str]:
    """What is missing, unknown, or not of its type, in `document` and below."""
    found = [
        f"{path}.{name} is missing"
        for name, attribute in kind["attributes"].items()
        if attribute.get("is_required") and applies(attribute, profiles) and name not in document
    ]
    if "at_least_one" in kind and not any(name in document for name in kind["at_least_one"]):
        found.append(f"{path} has none of {kind['at_least_one']}")
    for name, value in document.items():
        attribute = kind["attributes"].get(name)
        if attribute is None or not applies(attribute, profiles):
            found.append(f"{path}.{name} is unknown")
            continue
        if attribute.get("is_array", False) != isinstance(value, list):
            found.append(f"{path}.{name} should (not) be a list")
        for each in value if isinstance(value, list) else [value]:
            found += faults_of_value(each, attribute, profiles, f"{path}.{name}")
    return found


def faults_of_value(value: Any, attribute: Mapping[str, Any], profiles: Sequence[str], path: str) -> list[str]:
    kind = attribute["type"]
    if kind == "object":  # `unmapped`: free
        return [] if isinstance(value, dict) else [f"{path} is no object"]
    if kind in SCHEMA["objects"]:
        return faults(value, SCHEMA["objects"][kind], profiles, path)
    wanted = int if kind in NUMBERS else bool if kind == "boolean_t" else str
    if type(value) is not wanted:
        return [f"{path} is no {kind}"]
    return [f"{path}: {value} is not allowed"] if "enum" in attribute and str(value) not in attribute["enum"] else []


def applies(attribute: Mapping[str, Any], profiles: Sequence[str]) -> bool:
    return not attribute.get("profiles") or not set(attribute["profiles"]).isdisjoint(profiles)


@pytest.mark.parametrize("event", samples.all_kinds(), ids=lambda event: event.name)
def test_every_document_is_of_its_class(event: Event) -> None:
    for document in to_ocsf(event):
        profiles = document["metadata"]["profiles"]
        assert faults(document, CLASSES[document["class_uid"]], profiles, str(document["class_uid"])) == []
        assert document["type_uid"] == document["class_uid"] * 100 + document["activity_id"]
        assert document["category_uid"] == document["class_uid"] // 1000
        assert document["time"] == 1_795_000_000_123
        assert document["metadata"]["version"] == "1.8.0"
        json.dumps(document)


def test_the_checker_finds_what_is_wrong() -> None:
    (document,) = to_ocsf(samples.settled())
    broken = {**document, "actor": {}, "prompt": "x", "severity_id": 7, "api": {}, "time": "now"}
    found = " ".join(faults(broken, CLASSES[6003], document["metadata"]["profiles"], ""))
    for each in (".actor has none", ".prompt is unknown", "severity_id: 7", ".api.operation is missing", ".time is no"):
        assert each in found


def test_a_request_is_told_once_and_each_finding_once() -> None:
    documents = to_ocsf(samples.forwarded())
    assert [document["class_uid"] for document in documents] == [6003, 2006, 2006, 2006, 2004, 2004, 2004]
    uids = [document["metadata"]["uid"] for document in documents]
    assert uids == [samples.forwarded().id, *(f"{samples.forwarded().id}:{number}" for number in range(6))]
    assert {document["metadata"]["correlation_uid"] for document in documents} == {"8f14e45fceea167a"}
    assert [(each["action_id"], each["disposition_id"]) for each in documents] == [
        (4, 11),  # redacted, so modified
        (4, 11),
        (2, 2),  # blocked
        (3, 17),  # logged
        (2, 2),
        (3, 17),
        (1, 1),  # allowed
    ]
    assert documents[2]["data_security"]["category_id"] == 6
    assert documents[2]["finding_info"]["analytic"]["name"] == "api_key"
    assert documents[4]["evidences"][0]["actor"]["user"]["uid"] == "ada@example.com"


def test_who_asked_for_what_and_what_it_took() -> None:
    decision = to_ocsf(samples.forwarded())[0]
    assert decision["actor"]["user"]["type_id"] == 1
    assert decision["src_endpoint"] == {"ip": "192.0.2.17"}
    assert decision["ai_model"] == {"name": "gpt-large", "ai_provider": "eu"}
    assert decision["policy"]["uid"] == "ab" * 32
    (outcome,) = to_ocsf(samples.settled())
    tokens = [outcome["message_context"][name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")]
    assert tokens == [812, 120, 932]
    assert (outcome["duration"], outcome["status_id"], outcome["http_response"]) == (1500, 1, {"code": 200})


def test_a_refusal_is_denied_and_says_why() -> None:
    (refusal,) = to_ocsf(samples.refused())
    assert (refusal["action_id"], refusal["disposition_id"], refusal["status_id"]) == (2, 2, 2)
    assert (refusal["status_detail"], refusal["status_code"], refusal["severity_id"]) == ("budget_exhausted", "429", 3)
    assert refusal["actor"]["user"]["name"] == "unauthenticated"


@pytest.mark.parametrize(
    ("name", "class_uid", "activity_id", "status_id"),
    [
        (EventName.STOP_SET, 3004, 12, 1),
        (EventName.STOP_UNDONE, 3004, 13, 1),
        (EventName.PERSON_DISABLED, 3004, 9, 1),
        (EventName.STANDING_FAILED, 3004, 3, 2),
        (EventName.LOGIN_MADE, 3002, 1, 1),
        (EventName.LOGIN_REFUSED, 3002, 1, 2),
        (EventName.LOGIN_ENDED, 3002, 2, 1),
        (EventName.CONSOLE_DENIED, 6003, 99, 2),
        (EventName.AUDIT_RECORDS_ERASED, 3004, 4, 1),
    ],
)
def test_orders(name: EventName, class_uid: int, activity_id: int, status_id: int) -> None:
    (document,) = to_ocsf(samples.order(name))
    found = document["class_uid"], document["activity_id"], document["status_id"]
    assert found == (class_uid, activity_id, status_id)
    assert document["actor"] == {"user": {"name": "ada", "type_id": 0}, "idp": {"name": "company"}}
    assert "incident 4711" in json.dumps(document)


@pytest.mark.parametrize("event", samples.all_kinds(), ids=lambda event: event.name)
def test_what_has_no_place_is_unmapped_and_nothing_is_lost(event: Event) -> None:
    """Every attribute of the OTLP output is somewhere: under its own name, or as a value of the first document."""
    documents = to_ocsf(event)
    told = json.dumps(documents)
    for name, value in semconv.attributes(event).items():
        if name in (semconv.FINDINGS, semconv.DURATION_NS):
            continue  # each in a document of its own; in milliseconds
        assert documents[0]["unmapped"].get(name) == value or json.dumps(value) in told, name
