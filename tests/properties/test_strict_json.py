"""strict_json against the standard library's parser with every doubtful reading switched off."""

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from gateway_ext.dialects.strict_json import encode, parse_object
from gateway_ext.errors import BodyInvalid

KEYS = st.sampled_from(
    ["a", "b", "", "é", "\\u0061", 'q\\"', "\\\\", "\\\\\\\\b", ":", "{", "\\ud83d\\ude00", "\\ud83d"]
)
TEXTS = st.text(max_size=8).map(lambda text: json.dumps(text, ensure_ascii=False))
GOOD_NUMBERS = ["0", "-0", "1", "1.5", "-2e3", "1E+2", "1e-999", "0.12345678901234567890123", "12345678901234567890.5"]
BAD_NUMBERS = ["1e999", "-1e999", "01", "1.", ".5", "+1", "0x1", "NaN", "Infinity", "-Infinity"]
EDGES = [f"{2**63 - 1}", f"{2**63}", f"{-(2**63)}", f"{-(2**63) - 1}", f"{2**64}", f"{2**64}e2"]
NUMBERS = st.sampled_from(GOOD_NUMBERS + BAD_NUMBERS + EDGES)
SCALARS = st.one_of(
    NUMBERS, TEXTS, KEYS.map(lambda key: f'"{key}"'), st.sampled_from(["true", "false", "null", "nul", "'a'", '"\x01"'])
)
SOURCES = st.recursive(
    SCALARS,
    lambda children: st.one_of(
        st.lists(children, max_size=4).map(lambda items: f"[{' ,'.join(items)}]"),
        st.lists(st.tuples(KEYS, children), max_size=4).map(
            lambda members: "{" + ",".join(f'"{key}" :{value}' for key, value in members) + "}"
        ),
    ),
    max_leaves=12,
)
OBJECTS = st.lists(st.tuples(KEYS, SOURCES), max_size=4).map(
    lambda members: "{" + ",\n".join(f'"{key}":{value}' for key, value in members) + "}"
)


def reference(body: bytes) -> Any:
    """The document as the standard library reads it; ValueError where two parsers could differ."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("key")
        return dict(pairs)

    def integer(digits: str) -> int:
        if not -(2**63) <= int(digits) < 2**63:
            raise ValueError("integer")
        return int(digits)

    def finite(number: str) -> float:
        if float(number) in (float("inf"), float("-inf")):
            raise ValueError("float")
        return float(number)

    def constant(_: str) -> None:
        raise ValueError("constant")

    document = json.loads(
        body.decode("utf-8", errors="strict"),
        object_pairs_hook=unique,
        parse_int=integer,
        parse_float=finite,
        parse_constant=constant,
    )
    json.dumps(document, ensure_ascii=False).encode("utf-8")  # UnicodeEncodeError for lone surrogates
    if not isinstance(document, dict):
        raise ValueError("object")  # noqa: TRY004  (one kind of refusal)
    return document


def agrees_with_reference(body: bytes) -> None:
    try:
        expected = reference(body)
    except ValueError:
        expected = None
    try:
        actual = parse_object(body)
    except BodyInvalid:
        actual = None
    assert actual == expected
    if actual is not None:
        assert parse_object(encode(actual)) == actual


@given(OBJECTS)
@example('{"a":{"b":1},"c":{"b":1,"b":1}}')
def test_reads_and_refuses_exactly_what_the_reference_does(source: str) -> None:
    agrees_with_reference(source.encode("utf-8"))


@given(OBJECTS, st.data())
def test_one_changed_byte_makes_no_difference_between_parsers(source: str, data: st.DataObject) -> None:
    body = bytearray(source.encode("utf-8"))
    body[data.draw(st.integers(0, len(body) - 1))] = data.draw(
        st.one_of(st.sampled_from(b'"\\{}[]:,u0'), st.integers(0, 255))
    )
    agrees_with_reference(bytes(body))


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    agrees_with_reference(body)
