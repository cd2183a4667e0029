"""Whatever a record says, each output makes of it what its format allows: no record may stop the trail."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_ext.audit.encoding import Event
from gateway_ext.audit.events import EventName
from gateway_ext.audit.outputs.cef import to_cef
from gateway_ext.audit.outputs.ocsf.mapping import to_ocsf
from gateway_ext.audit.outputs.otlp import to_request
from gateway_ext.audit.outputs.syslog_message import counted, syslog_message
from gateway_ext.wire import audit_pb2
from tests.unit.audit.outputs.test_ocsf import CLASSES, faults

TEXT = st.one_of(st.just(""), st.text(st.characters(exclude_categories=["Cs"]), max_size=8))
SCALARS: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.CPPTYPE_STRING: TEXT,
    FieldDescriptor.CPPTYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: st.integers(0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: st.integers(0, 2**63 - 1),  # OTLP knows signed integers alone
    FieldDescriptor.CPPTYPE_DOUBLE: st.floats(),
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
}


@st.composite
def messages(draw: st.DrawFn, kind: type[Message]) -> Any:
    """A message with some of its fields, repeated ones up to twice."""
    message = kind()
    for field in kind.DESCRIPTOR.fields:
        if field.containing_oneof is not None or not draw(st.booleans()):
            continue
        if field.message_type is not None:
            value = messages(getattr(audit_pb2, field.message_type.name))
        elif field.type == FieldDescriptor.TYPE_BYTES:
            value = st.binary(max_size=16)
        else:
            value = SCALARS[field.cpp_type]
        if field.is_repeated:
            getattr(message, field.name).extend(draw(st.lists(value, max_size=2)))
        elif field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
            getattr(message, field.name).CopyFrom(draw(value))
        else:
            setattr(message, field.name, draw(value))
    return message


@st.composite
def events(draw: st.DrawFn) -> Event:
    event: Event = draw(messages(Event))
    event.time_unix_nano = draw(st.integers(0, 2**63 - 1))  # nobody's clock stands before 1970
    event.name = draw(st.one_of(st.sampled_from([*EventName]), TEXT))
    body = draw(st.sampled_from([*audit_pb2.Event.DESCRIPTOR.oneofs_by_name["body"].fields, None]))
    if body is not None:
        getattr(event, body.name).CopyFrom(draw(messages(getattr(audit_pb2, body.message_type.name))))
    return event


@settings(max_examples=25, deadline=None)
@given(event=events())
def test_every_record_has_its_place_in_every_format(event: Event) -> None:
    for document in to_ocsf(event):
        wrong = faults(document, CLASSES[document["class_uid"]], document["metadata"]["profiles"], "")
        assert wrong == []
        json.dumps(document, allow_nan=False)
    line = to_cef(event)
    assert line.isprintable()
    message = syslog_message(event, line, "host")
    assert b"\n" not in message
    assert counted(message) == str(len(message)).encode() + b" " + message
    (of_resource,) = to_request([event]).resource_logs
    assert len(of_resource.scope_logs[0].log_records) == 1
