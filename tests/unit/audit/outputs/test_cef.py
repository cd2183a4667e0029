"""What a reader of CEF understands is what was written, whatever callers choose."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_ext.audit.encoding import Event
from gateway_ext.audit.events import EventName
from gateway_ext.audit.outputs.cef import to_cef
from gateway_ext.wire import audit_pb2
from tests.unit.audit.outputs import samples

NO_SURROGATES = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def parsed(line: str) -> tuple[list[str], dict[str, str]]:
    """As CEF's specification says: seven header fields, then pairs, of which a value ends before the next key."""
    header: list[str] = []
    position = 0
    while len(header) < 7:
        field = re.compile(r"((?:\\.|[^\\|])*)\|").match(line, position)
        assert field is not None
        header.append(field[1])
        position = field.end()
    extension = line[position:]
    keys = list(re.finditer(r"(?:^| )([A-Za-z0-9]+)=", extension))
    values = {
        match[1]: extension[match.end() : following.start() if following else None]
        for match, following in zip(keys, [*keys[1:], None], strict=True)
    }
    unescaped = {"n": "\n", "r": "\r"}
    return (
        [re.sub(r"\\(.)", r"\1", each) for each in header],
        {key: re.sub(r"\\(.)", lambda found: unescaped.get(found[1], found[1]), text) for key, text in values.items()},
    )


def test_a_decision() -> None:
    header, fields = parsed(to_cef(samples.forwarded()))
    assert header == [
        *("CEF:0", "gateway-ext", "gateway-ext", "1"),
        *("request:decision:forwarded", "request decision forwarded", "2"),
    ]
    assert fields["externalId"] == samples.forwarded().id
    assert (fields["rt"], fields["suser"], fields["src"]) == ("1795000000123", "ada@example.com", "192.0.2.17")
    assert (fields["cs1Label"], fields["cs1"]) == ("exchange", "8f14e45fceea167a")
    assert "secret/api_key/block*1" in fields["cs6"]
    assert (fields["act"], fields["outcome"], fields["cn2"]) == ("forward", "success", "6")


def test_an_outcome_and_a_refusal() -> None:
    _, outcome = parsed(to_cef(samples.settled()))
    assert (outcome["cn1"], outcome["cn2"], outcome["cn3"], outcome["cs6"]) == ("200", "932", "12345678", "EUR")
    header, refusal = parsed(to_cef(samples.refused()))
    assert (header[6], refusal["outcome"], refusal["reason"]) == ("6", "failure", "budget_exhausted")
    assert (refusal["c6a2"], refusal["c6a2Label"]) == ("2001:db8::1", "Source IPv6 Address")
    assert "src" not in refusal


@pytest.mark.parametrize("event", samples.all_kinds(), ids=lambda event: event.name)
def test_every_kind_is_one_line_with_its_id(event: Event) -> None:
    line = to_cef(event)
    assert line.isprintable()
    assert parsed(line)[1]["externalId"] == event.id


@settings(max_examples=150, deadline=None)
@given(name=NO_SURROGATES, actor=NO_SURROGATES.filter(bool), reason=NO_SURROGATES.filter(bool))
def test_no_text_of_a_caller_or_operator_changes_what_a_field_is(name: str, actor: str, reason: str) -> None:
    event = samples.event(f"a{name}z", order=audit_pb2.Order(actor=actor, reason=reason, scope="model"))
    line = to_cef(event)
    assert line.isprintable()
    header, fields = parsed(line)
    assert header[4] == f"a{name}z" or not name.isprintable()
    assert (fields["cs2"], fields["externalId"]) == ("model", event.id)
    # A value may itself look like further keys: whoever reads the escapes gets it back whole.
    assert f"suser={escaped(actor)} act=" in line
    assert f"msg={escaped(reason)} cs2=model" in line


def escaped(text: str) -> str:
    for plain, coded in (("\\", "\\\\"), ("=", "\\="), ("\r", "\\r"), ("\n", "\\n")):
        text = text.replace(plain, coded)
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def test_the_escapes_of_the_specification() -> None:
    event = samples.event(EventName.STOP_SET, order=audit_pb2.Order(actor="a|b=c\\d", reason="two\nlines\x1b[31m"))
    line = to_cef(event)
    assert "suser=a|b\\=c\\\\d act=" in line
    assert "msg=two\\nlines\N{REPLACEMENT CHARACTER}[31m" in line
    _, fields = parsed(line)
    assert (fields["suser"], fields["msg"]) == ("a|b=c\\d", "two\nlines\N{REPLACEMENT CHARACTER}[31m")


def test_values_are_shortened_and_ids_are_not() -> None:
    event = samples.event(EventName.STOP_SET, order=audit_pb2.Order(actor="a" * 5000, reason="=" * 5000))
    _, fields = parsed(to_cef(event))
    assert (len(fields["suser"]), len(fields["msg"])) == (1023, 1023)
    assert fields["externalId"] == event.id
