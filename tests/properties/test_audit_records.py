"""Every kind of audit record comes back from its bytes as it went in, also through a reader that knows less."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_ext.audit import semconv
from gateway_ext.audit.encoding import Event, decode_event, encode_event
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
    Endpoint,
    Estimate,
    Finding,
    Outcome,
    Principal,
    TraceParent,
    Usage,
)

UNKNOWN_FIELD = 15_000  # far beyond what any version has
VARINT, BYTES = 0, 2  # wire types of protobuf

names = st.from_regex(r"\A[a-z][a-z0-9._-]{0,12}\Z")
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
counts = st.integers(0, 2**32 - 1)
amounts = st.integers(0, 2**62)
flags = st.booleans()
lists = st.lists(texts, max_size=3).map(tuple)


def built(kind: type[Any], **special: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Instances of a dataclass, of whatever fields it has by now; `special` for those whose values are restricted."""
    by_annotation: Mapping[str, st.SearchStrategy[Any]] = {
        "EventName": st.sampled_from(EventName),
        "str": texts,
        "int": counts,
        "bool": flags,
        "bytes": st.binary(max_size=20),
        "float": st.floats(0, 1),
        "tuple[str, ...]": lists,
        "frozenset[str]": st.frozensets(texts, max_size=3),
    }
    fields = {field.name: str(field.type) for field in dataclasses.fields(kind)}
    return st.builds(
        kind, **{name: special[name] if name in special else by_annotation[kind] for name, kind in fields.items()}
    )


candidates = built(
    Candidate,
    endpoints=st.just(frozenset({Endpoint.CHAT_COMPLETIONS})),
    capabilities=st.none(),
)
principals = built(
    Principal,
    credential_class=st.sampled_from(["sso", "personal", "service"]),
    models=st.none(),
    budget=st.none(),
    asserted_by=st.none(),
)
decisions = built(
    DecisionRecord,
    principal=st.none() | principals,
    endpoint=st.sampled_from(["", *(each.value for each in Endpoint)]),
    model=st.just("") | names,
    model_asked=st.just("") | names,
    findings=st.lists(built(Finding), max_size=2).map(tuple),
    candidates=st.lists(candidates, max_size=2).map(tuple),
    estimate=st.none() | built(Estimate),
    trace_parent=st.none() | st.builds(TraceParent, st.just("0a" * 16), st.just("0b" * 8), flags),
    held_nano=amounts,
)
outcomes = built(
    OutcomeRecord,
    outcome=built(Outcome, usage=st.none(), output_tokens_seen=st.none()),
    usage=st.none() | built(Usage),
    served_by=st.none() | candidates,
    cost_nano=amounts,
)
KINDS: dict[str, st.SearchStrategy[AuditRecord]] = {
    "decision": decisions,
    "outcome": outcomes,
    "order": built(OrderRecord, amount_nano=amounts),
    "consent": built(ConsentRecord),
    "alert": built(AlertRecord, model=st.just("") | names),
}


def encoded(record: AuditRecord) -> bytes:
    return encode_event(record, processor="p0", run_id="r", sequence=7, time_unix_nano=2**60)


def test_there_is_no_other_kind_of_record() -> None:
    bodies = {field.name for field in Event.DESCRIPTOR.fields if field.containing_oneof is not None}
    assert bodies == KINDS.keys()


@pytest.mark.parametrize("body", KINDS)
@given(data=st.data())
@settings(max_examples=40)
def test_a_record_comes_back_as_it_was(body: str, data: st.DataObject) -> None:
    record = data.draw(KINDS[body])
    event = decode_event(encoded(record))
    assert (event.WhichOneof("body"), event.name, event.sequence) == (body, record.name, 7)
    said = list(_said(record, getattr(event, body)))
    assert {name for name, expected, found in said if expected != found} == set()
    assert {name for name, _, _ in said} == _fields_of(getattr(event, body)) - DERIVED
    assert event.SerializeToString() == encoded(record)
    semconv.attributes(event)  # whatever it holds, it can be exported


@pytest.mark.parametrize("body", KINDS)
@given(data=st.data(), later=st.binary(min_size=1, max_size=20))
@settings(max_examples=20)
def test_a_field_of_a_later_version_survives_reading_and_hides_nothing(
    body: str, data: st.DataObject, later: bytes
) -> None:
    """In the event, and in its body: what a newer processor writes passes an older reader unchanged."""
    record = data.draw(KINDS[body])
    event = decode_event(encoded(record))
    known = semconv.attributes(event)
    message: Message = getattr(event, body)
    message.MergeFromString(_field(UNKNOWN_FIELD, later))
    extended = event.SerializeToString() + _field(UNKNOWN_FIELD + 1, later)
    read = decode_event(extended)
    assert semconv.attributes(read) == known
    assert decode_event(read.SerializeToString()) == read
    assert read.SerializeToString().count(_field(UNKNOWN_FIELD, later)) == 1
    assert read.SerializeToString().endswith(_field(UNKNOWN_FIELD + 1, later))


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | BYTES) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*written, number])


def _said(record: Any, message: Any) -> Iterator[tuple[str, object, object]]:
    """Each field of the message that the record has: its name, and what the record and the message say."""
    if isinstance(record, OutcomeRecord):  # one message for what is three things here
        yield from _said(record.outcome, message)
        usage = record.usage or Usage(0, 0)
        yield from _named(usage, message, ("input_tokens", "output_tokens", "cached_input_tokens", *TOKEN_KINDS))
        served_by = record.served_by or Candidate("", "", "", "", "")
        yield from _named(served_by, message, ("provider", "model", "jurisdiction", "tier"))
        record = dataclasses.replace(record, usage=None)
    yield from _named(record, message, [each.name for each in dataclasses.fields(record) if each.name != "usage"])


def _named(record: Any, message: Any, fields: Iterable[str]) -> Iterator[tuple[str, object, object]]:
    for name in fields:
        written = RENAMED.get(name, name)
        if written not in _fields_of(message):
            continue
        value, found = getattr(record, name), getattr(message, written)
        if dataclasses.is_dataclass(value):
            yield written, None, next((each for each in _said(value, found) if each[1] != each[2]), None)
        elif isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
            pairs = zip(value, found, strict=True)
            differing = (each for one, other in pairs for each in _said(one, other) if each[1] != each[2])
            yield written, None, next(differing, None)
        elif isinstance(value, frozenset):
            yield written, sorted(value), list(found)
        elif value is None:
            yield written, False, message.HasField(written)
        elif name == "trace_id" or name == "span_id":
            yield written, value, found.hex()
        else:
            yield written, list(value) if isinstance(value, tuple) else value, list(found) if _is_list(found) else found


def _is_list(found: object) -> bool:
    return not isinstance(found, str | bytes | int | float)


def _fields_of(message: Message) -> set[str]:
    return {field.name for field in message.DESCRIPTOR.fields}


RENAMED = {"is_stream": "stream", "served_ns": "provider_duration_ns", "is_sampled": "sampled"}
DERIVED = {"input_tokens_max", "output_tokens_max"}  # of the estimate: tests/unit/audit/test_encoding.py
