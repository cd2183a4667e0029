"""Bodies that must not reach a provider: refused in OpenAI's form, in words of ours, leaving no trace of what they said."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator

import brotli
import httpx
import pytest

from gateway_ext import limits
from tests.envoy.refusals import AWS_KEY, MARKER, assert_not_written, assert_nothing_left, assert_refused
from tests.envoy.stack import Stack

pytestmark = pytest.mark.envoy
CHAT = "/chat/completions"
MIB = 1024 * 1024
GOOD = b'{"model":"assistant","messages":[{"role":"user","content":"%s"}],"max_tokens":50}' % MARKER.encode()


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[httpx.Client]:
    with stack.client() as plain:
        plain.headers["content-type"] = "application/json"
        yield plain


def also(members: bytes) -> bytes:
    """A good request with `members` in addition."""
    return GOOD[:-1] + b"," + members + b"}"


NOT_JSON = {
    "empty": b"",
    "cut_short": GOOD[:-1],
    "two_documents": GOOD + GOOD,
    "single_quotes": GOOD.replace(b'"', b"'"),
    "comment": b"/* " + MARKER.encode() + b" */" + GOOD,
    "trailing_comma": GOOD[:-1] + b",}",
    "a_list": b"[" + GOOD + b"]",
    "null": b"null",
    "key_twice": also(b'"model":"frontier-only"'),
    "key_twice_spelled_otherwise": also(b'"\\u006dodel":"frontier-only"'),
    "key_twice_below": also(b'"metadata":{"a":"1","a":"2"}'),
    "key_twice_in_a_message": b'{"model":"assistant","messages":[{"role":"user","content":"a","content":"b"}]}',
    "invalid_utf8": also(b'"user":"\xff\xfe"'),
    "overlong_utf8": also(b'"user":"\xc0\xaf"'),
    "utf16": GOOD.decode().encode("utf-16"),
    "byte_order_mark": b"\xef\xbb\xbf" + GOOD,
    "lone_surrogate": also(b'"user":"\\ud800"'),
    "lone_surrogate_as_utf8": also(b'"user":"\xed\xa0\x80"'),
    "control_character": also(b'"user":"\x01"'),
    "nan": also(b'"temperature":NaN'),
    "infinity": also(b'"temperature":-Infinity'),
    "float_out_of_range": also(b'"temperature":1e999'),
    "integer_of_400_digits": also(b'"seed":' + b"9" * 400),
    "integer_of_65_bits": also(b'"seed":18446744073709551616'),
    "lists_in_lists": also(b'"user":' + b"[" * 100_000 + b"]" * 100_000),
    "objects_in_objects": also(b'"user":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "lists_never_closed": b"[" * 100_000,
    "a_million_keys": also(b'"metadata":{' + b",".join(b'"k%d":1' % number for number in range(1_000_000)) + b"}"),
    "a_million_values": also(b'"stop":[' + b",".join([b"1"] * 1_000_000) + b"]"),
    "gzip_that_says_nothing": gzip.compress(GOOD),
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
def test_body_that_parsers_could_read_differently(stack: Stack, client: httpx.Client, body: bytes) -> None:
    assert_refused(client.post(CHAT, content=body), 400, "body_invalid")
    assert_nothing_left(stack)


WRONG_FIELDS = {
    "no_model": (b'{"messages":[]}', "model"),
    "model_is_a_number": (GOOD.replace(b'"assistant"', b"1"), "model"),
    "model_in_capitals": (also(b'"Model":"frontier-only"'), "model"),
    "no_messages": (b'{"model":"assistant"}', "messages"),
    "message_is_text": (b'{"model":"assistant","messages":["%s"]}' % MARKER.encode(), "messages"),
    "stream_is_text": (also(b'"stream":"true"'), "stream"),
    "max_tokens_is_a_float": (GOOD.replace(b":50}", b":1e3}"), "max_tokens"),
    "max_tokens_is_negative": (GOOD.replace(b":50}", b":-1}"), "max_tokens"),
    "n_is_zero": (also(b'"n":0'), "n"),
}


@pytest.mark.parametrize(("body", "param"), WRONG_FIELDS.values(), ids=WRONG_FIELDS)
def test_field_on_which_decisions_rest(stack: Stack, client: httpx.Client, body: bytes, param: str) -> None:
    assert_refused(client.post(CHAT, content=body), 400, "body_invalid", param=param)
    assert_nothing_left(stack)


@pytest.mark.parametrize("name", [MARKER, "assistant ", "Assistant", "assistant\\u0000", "../assistant", "*"])
def test_unknown_model(stack: Stack, client: httpx.Client, name: str) -> None:
    body = GOOD.replace(b"assistant", name.encode())
    assert_refused(client.post(CHAT, content=body), 404, "model_not_found", param="model")
    assert_nothing_left(stack)


@pytest.mark.parametrize("is_chunked", [False, True], ids=["declared", "chunked"])
def test_body_above_the_limit(stack: Stack, client: httpx.Client, is_chunked: bool) -> None:
    def parts() -> Iterator[bytes]:
        yield GOOD
        yield from [b" " * MIB] * 32

    content = parts() if is_chunked else GOOD + b" " * limits.REQUEST_BODY_BYTES_MAX
    assert_refused(client.post(CHAT, content=content), 413, "body_too_large")
    assert_nothing_left(stack)


# --- content types ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/jsonp",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json, text/plain",
        "application/json; charset=utf-7",
        "application/json; charset=utf-16",
        "application/json; charset=utf-8; charset=utf-7",
    ],
)
def test_content_type_other_than_json_in_utf8(stack: Stack, client: httpx.Client, content_type: str) -> None:
    """A provider that believed in the charset would read another text than the Guard: in UTF-7, '+AEE-' is 'A'."""
    answer = client.post(CHAT, content=GOOD, headers={"content-type": content_type})
    assert_refused(answer, 415, "content_type_unsupported")
    assert_nothing_left(stack)


def test_no_content_type(stack: Stack, client: httpx.Client) -> None:
    request = client.build_request("POST", CHAT, content=GOOD)
    del request.headers["content-type"]
    assert_refused(client.send(request), 415, "content_type_unsupported")
    assert_nothing_left(stack)


@pytest.mark.parametrize("content_type", ["Application/JSON", "application/json;charset=UTF-8", "application/json ;"])
def test_content_type_in_another_spelling(stack: Stack, client: httpx.Client, content_type: str) -> None:
    assert client.post(CHAT, content=GOOD, headers={"content-type": content_type}).status_code == 200
    assert_not_written(stack)


# --- content codings -------------------------------------------------------------------------------------------------

CODINGS = {
    "gzip": gzip.compress,
    "GZIP": gzip.compress,
    "br": brotli.compress,
    "br, gzip": lambda body: gzip.compress(brotli.compress(body)),
}


@pytest.mark.parametrize("coding", CODINGS)
def test_coded_body_goes_out_decoded(stack: Stack, client: httpx.Client, coding: str) -> None:
    answer = client.post(CHAT, content=CODINGS[coding](GOOD), headers={"content-encoding": coding})
    assert answer.status_code == 200, answer.text
    (seen,) = stack.upstream_log()
    assert seen["body"] == GOOD.decode()
    assert seen["headers"]["content-length"] == str(len(GOOD))
    assert "content-encoding" not in seen["header_names"]
    assert_not_written(stack)


@pytest.mark.parametrize("coding", CODINGS)
def test_coded_body_is_inspected(stack: Stack, client: httpx.Client, coding: str) -> None:
    body = CODINGS[coding](GOOD.replace(MARKER.encode(), AWS_KEY.encode()))
    answer = client.post(CHAT, content=body, headers={"content-encoding": coding})
    assert_refused(answer, 403, "content_blocked", "policy_violation")
    assert_nothing_left(stack)


@pytest.mark.parametrize("coding", ["zstd", "deflate", "compress", MARKER, "gzip;q=1", "gzip, gzip, gzip", "br gzip"])
def test_unknown_coding(stack: Stack, client: httpx.Client, coding: str) -> None:
    answer = client.post(CHAT, content=zlib.compress(GOOD), headers={"content-encoding": coding})
    assert_refused(answer, 415, "content_coding_unsupported")
    assert_nothing_left(stack)


BROKEN = {
    "not_coded": (GOOD, "gzip"),
    "cut_short": (gzip.compress(GOOD)[:-6], "gzip"),
    "wrong_checksum": (gzip.compress(GOOD)[:-8] + bytes(8), "gzip"),
    "followed_by_something": (gzip.compress(GOOD) + MARKER.encode(), "gzip"),
    "many_members": (b"".join(gzip.compress(GOOD[at : at + 1]) for at in range(len(GOOD))), "gzip"),
    "brotli_cut_short": (brotli.compress(GOOD)[:-2], "br"),
    "coded_once_said_twice": (gzip.compress(GOOD), "gzip, gzip"),
}


@pytest.mark.parametrize(("body", "coding"), BROKEN.values(), ids=BROKEN)
def test_broken_coding(stack: Stack, client: httpx.Client, body: bytes, coding: str) -> None:
    answer = client.post(CHAT, content=body, headers={"content-encoding": coding})
    assert_refused(answer, 400, "body_invalid")
    assert_nothing_left(stack)


@pytest.mark.parametrize("coding", ["gzip", "br", "br, gzip"])
def test_body_that_swells_when_decoded(stack: Stack, client: httpx.Client, coding: str) -> None:
    bomb = CODINGS[coding](GOOD + b" " * (31 * MIB))
    assert len(bomb) * 1000 < 35 * MIB
    assert_refused(client.post(CHAT, content=bomb, headers={"content-encoding": coding}), 413, "body_too_large")
    assert_nothing_left(stack)


def test_search_for_traces_finds_what_is_there(stack: Stack, client: httpx.Client) -> None:
    """The tests above rest on it: the caller of a request is in the trail, and found there."""
    client.post(CHAT, content=GOOD)
    with pytest.raises(AssertionError, match="demo@local"):
        assert_not_written(stack, "demo@local")
