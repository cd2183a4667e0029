"""Envoy's messages in protobuf's JSON form."""

from __future__ import annotations

import datetime

import pytest
from envoy_data_plane.google.protobuf import Duration

from gateway_ext.envoyconf.messages import duration, typed


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (5, "5s"),
        (0.25, "0.250s"),
        (0.005, "0.005s"),
        (1.5, "1.500s"),
        (20.000001, "20.000001s"),
        (86_400, "86400s"),
    ],
)
def test_durations_are_written_as_protobuf_writes_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text
    assert Duration.from_timedelta(datetime.timedelta(seconds=seconds)).to_dict() == text


def test_a_typed_message_names_its_type_first() -> None:
    assert list(typed("envoy.x.v3.Y", name="z").items()) == [
        ("@type", "type.googleapis.com/envoy.x.v3.Y"),
        ("name", "z"),
    ]
