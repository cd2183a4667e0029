import time

import pytest

from gateway_ext import limits
from gateway_ext.dialects.strict_json import encode, parse_object
from gateway_ext.errors import BodyInvalid


def test_reads_an_object_with_every_kind_of_value() -> None:
    body = (
        '{"a":[1,-2.5e3,true,false,null,"\\u00e9\\ud83d\\ude00\\n"],"é":{"":{}}, "z":"{\\"k\\": [1:2]}\\\\"}'.encode()
    )
    assert parse_object(body) == {
        "a": [1, -2500.0, True, False, None, "é😀\n"],
        "é": {"": {}},
        "z": '{"k": [1:2]}\\',
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b'{"a":1,}',
        b"{'a':1}",
        b'{"a":01}',
        b'{"a":1}{"b":2}',
        b'{"a":1} x',
        b'\xef\xbb\xbf{"a":1}',
        '{"a":1}'.encode("utf-16"),
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\\ud800"}',
        b'{"\\udfff":1}',
        b'{"a":"\\ud800\\u0041"}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":"line\nbreak"}',
        b'{"a":"\x00"}',
        b'{"a":"\\x41"}',
        b'{/**/"a":1}',
    ],
)
def test_refuses_what_is_not_json(body: bytes) -> None:
    with pytest.raises(BodyInvalid, match="not valid JSON"):
        parse_object(body)


@pytest.mark.parametrize("body", [b"null", b"[]", b'"text"', b"1", b"true"])
def test_refuses_what_is_not_an_object(body: bytes) -> None:
    with pytest.raises(BodyInvalid, match="must be a JSON object"):
        parse_object(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":2}',
        b'{"m":[{"x":{"b":1,"c":":","b":2}}]}',
        b'{"\\\\":1,"\\\\":2}',
        b'{"a\\"":{},"a\\"":{}}',
    ],
)
def test_refuses_the_same_key_twice_at_any_depth(body: bytes) -> None:
    with pytest.raises(BodyInvalid, match="same key twice"):
        parse_object(body)


def test_the_same_key_in_different_objects_is_no_duplicate() -> None:
    assert parse_object(b'{"a":{"a":[{"a":1},{"a":2}]},"b":"\\"a\\":1"}')["b"] == '"a":1'


@pytest.mark.parametrize(
    "number", ["9223372036854775807", "-9223372036854775808", "0", "-0", "0.1234567890123456789012"]
)
def test_takes_numbers_within_64_bits(number: str) -> None:
    assert parse_object(f'{{"seed":{number}}}'.encode()) == {"seed": float(number) if "." in number else int(number)}


@pytest.mark.parametrize(
    "number", ["9223372036854775808", "-9223372036854775809", "18446744073709551616", "1" + "0" * 400, "-" + "9" * 20]
)
def test_refuses_integers_beyond_64_bits(number: str) -> None:
    with pytest.raises(BodyInvalid, match="64 bits"):
        parse_object(f'{{"a":[1.5,{number}]}}'.encode())


def test_digits_in_strings_are_no_numbers() -> None:
    assert parse_object(b'{"a":"99999999999999999999999"}') == {"a": "9" * 23}


def test_depth_is_bounded() -> None:
    deepest = b'{"a":' + b"[" * (limits.JSON_DEPTH_MAX - 1) + b"]" * (limits.JSON_DEPTH_MAX - 1) + b"}"
    assert parse_object(deepest)
    with pytest.raises(BodyInvalid, match="nested too deeply"):
        parse_object(deepest.replace(b"[]", b"[[]]"))


@pytest.mark.parametrize(
    "bomb",
    [
        b'{"a":' + b"[" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"a":[' + b"[]," * 5_000_000 + b"0]}",
        b"{" + b'"k":1,' * 1_000_000 + b'"z":1}',
        b'"' * 8_000_000,
    ],
    ids=["unclosed", "nested", "containers", "keys", "quotes"],
)
def test_bombs_are_refused_at_once(bomb: bytes) -> None:
    started = time.process_time()
    with pytest.raises(BodyInvalid):
        parse_object(bomb)
    assert time.process_time() - started < 0.5  # milliseconds on an idle machine


def test_errors_hold_nothing_of_the_body() -> None:
    with pytest.raises(BodyInvalid) as caught:
        parse_object(b'{"a":"hunter2",}')
    assert caught.value.__context__ is None
    assert "hunter2" not in f"{caught.value!r}{caught.value.diagnostics()}"


def test_what_was_read_is_encoded_without_loss() -> None:
    document = {"a": [1, -(2**63), 0.1, "é\u2028\x00😀", None, True], "": {}}
    assert parse_object(encode(document)) == document
