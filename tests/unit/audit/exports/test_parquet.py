"""Its columns' types fit what records say in them."""

from __future__ import annotations

from google.protobuf.descriptor import FieldDescriptor

from gateway_ext.audit.exports.parquet import flat, kind
from gateway_ext.audit.exports.tables import columns, values
from gateway_ext.wire import audit_pb2
from gateway_ext.wire.audit_pb2 import Event

BODIES = {
    "decision": audit_pb2.Decision,
    "outcome": audit_pb2.Outcome,
    "order": audit_pb2.Order,
    "consent": audit_pb2.Consent,
    "alert": audit_pb2.Alert,
}
_FILLED = {FieldDescriptor.CPPTYPE_STRING: "x", FieldDescriptor.CPPTYPE_BOOL: True}


def filled(name: str) -> Event:
    """With something in every field that is one value."""
    body = BODIES[name]()
    for field in body.DESCRIPTOR.fields:
        if not field.is_repeated and field.message_type is None:
            setattr(body, field.name, _FILLED.get(field.cpp_type, 7))
    return Event(id="r", name="n", exchange_id="e", sequence=1, schema_version=1, **{name: body})


def test_every_column_has_the_type_of_its_values() -> None:
    names = columns()
    for name in BODIES:
        of = values("p0", 1, filled(name))
        for column, value in of.items():
            expected = {bool: "BOOLEAN", int: "DECIMAL(20,0)"}.get(type(value), "VARCHAR")
            assert kind(column) == expected, column
        assert all(isinstance(value, str) == (kind(column) == "VARCHAR") for column, value in flat(names, of).items())
