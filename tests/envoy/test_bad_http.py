"""Paths, methods and framings of HTTP itself: what is no plain request to a served endpoint ends at Envoy or in a 4xx."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import httpx
import pytest

from tests.envoy.http2 import Http2Client
from tests.envoy.refusals import AWS_KEY, MARKER, assert_not_written, assert_nothing_left, assert_refused
from tests.envoy.stack import Stack, chat

pytestmark = pytest.mark.envoy
GOOD = json.dumps(chat(MARKER, max_tokens=50)).encode()
BLOCKED = json.dumps(chat(AWS_KEY)).encode()
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[httpx.Client]:
    """Its base is the listener itself, so that paths are sent as they are written."""
    with stack.client() as plain:
        plain.base_url = httpx.URL(f"http://127.0.0.1:{stack.ports.gateway}")
        yield plain


# --- paths and methods -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/files",
        "/v1/audio/transcriptions",
        "/v1/chat/completions/",
        "/v1/chat/completions;x=1",
        "/V1/chat/completions",
        "/us/v1/chat/completions",
        f"/v1/{MARKER}?q={MARKER}",
    ],
)
def test_unknown_endpoint(stack: Stack, client: httpx.Client, path: str) -> None:
    assert_refused(client.post(path, content=GOOD, headers=JSON), 404, "endpoint_unknown")
    assert_nothing_left(stack)


@pytest.mark.parametrize("path", ["/v1/chat%2Fcompletions", "/v1%5cchat/completions", "/v1/chat/completions%00"])
def test_path_that_hides_a_slash_or_an_end(stack: Stack, client: httpx.Client, path: str) -> None:
    assert_refused(client.post(path, content=GOOD, headers=JSON), 400, "request_invalid")
    assert_nothing_left(stack)


def test_path_with_a_fragment(stack: Stack) -> None:
    answer = _raw(stack, _head(stack, len(GOOD), target=f"/v1/chat/completions#{MARKER}") + GOOD)
    assert _status(answer) == 400
    assert b'"request_invalid"' in answer
    assert_nothing_left(stack)


@pytest.mark.parametrize(
    "target",
    [
        "//v1/chat/completions",
        "/v1/%63hat/completions",
        "/v1//chat/./completions",
        "/v1/files/../chat/completions",
        "/v1/chat\\completions",
        f"/v1/chat/completions?api_key={MARKER}&model=frontier-only",
        "http://elsewhere.example/v1/chat/completions",
    ],
)
def test_other_spelling_of_a_path_is_the_same_endpoint(stack: Stack, target: str) -> None:
    """One path for Envoy, the processor and the provider: the Guard stands before each spelling, the query is dropped."""
    assert _status(_raw(stack, _head(stack, len(BLOCKED), target=target) + BLOCKED)) == 403
    assert stack.upstream_log() == []
    assert _status(_raw(stack, _head(stack, len(GOOD), target=target) + GOOD)) == 200
    (seen,) = stack.upstream_log()
    assert seen["path"] == "/us/v1/chat/completions"
    assert "elsewhere" not in seen["headers"]["host"]
    assert_not_written(stack)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("content", [None, GOOD], ids=["without_body", "with_body"])
def test_wrong_method(stack: Stack, client: httpx.Client, method: str, content: bytes | None) -> None:
    answer = client.request(method, "/v1/chat/completions", content=content, headers=JSON)
    assert_refused(answer, 405, "method_not_allowed")
    assert_refused(client.post("/v1/models", content=GOOD, headers=JSON), 405, "method_not_allowed")
    assert_nothing_left(stack)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/models"])
def test_head_is_refused_without_a_body(stack: Stack, client: httpx.Client, path: str) -> None:
    answer = client.head(path)
    assert (answer.status_code, answer.content) == (405, b"")
    assert_nothing_left(stack)


def test_get_with_a_body_is_answered_and_the_body_dropped(stack: Stack, client: httpx.Client) -> None:
    answer = client.request("GET", "/v1/models", content=GOOD, headers=JSON)
    assert answer.json()["object"] == "list"
    assert_nothing_left(stack)


# --- connections that want to become something else ------------------------------------------------------------------

WEBSOCKET = {"upgrade": "websocket", "sec-websocket-version": "13", "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA=="}


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/models", "/v1/realtime"])
def test_websocket(stack: Stack, client: httpx.Client, path: str) -> None:
    answer = client.get(path, headers={"connection": "upgrade", **WEBSOCKET})
    assert_refused(answer, 400, "upgrade_unsupported")
    assert_nothing_left(stack)


def test_tunnel(stack: Stack) -> None:
    answer = _raw(stack, _head(stack, 0, method="CONNECT", target="elsewhere.example:443"))
    assert _status(answer) == 400
    assert b'"upgrade_unsupported"' in answer
    assert_nothing_left(stack)


# --- framing ---------------------------------------------------------------------------------------------------------

CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(GOOD), GOOD)
SMUGGLED = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"
FRAMINGS = {
    "both_lengths_the_counted_one_short": (b"content-length: 4\r\ntransfer-encoding: chunked\r\n", CHUNKED, 400),
    "both_lengths_a_request_behind": (
        b"transfer-encoding: chunked\r\ncontent-length: %d\r\n" % (5 + len(SMUGGLED)), b"0\r\n\r\n" + SMUGGLED, 400
    ),
    "two_lengths": (b"content-length: 2\r\ncontent-length: %d\r\n" % len(GOOD), GOOD, 400),
    "one_length_twice": (b"content-length: %d\r\ncontent-length: %d\r\n" % (len(GOOD), len(GOOD)), GOOD, 400),
    "list_of_lengths": (b"content-length: %d, %d\r\n" % (len(GOOD), len(GOOD)), GOOD, 400),
    "signed_length": (b"content-length: +%d\r\n" % len(GOOD), GOOD, 400),
    "negative_length": (b"content-length: -1\r\n", GOOD, 400),
    "transfer_coding_twice": (b"transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n", CHUNKED, 501),
    "unknown_transfer_coding": (b"transfer-encoding: xchunked\r\n", CHUNKED, 501),
    "space_before_the_colon": (b"transfer-encoding : chunked\r\n", CHUNKED, 400),
    "vertical_tab": (b"transfer-encoding:\x0bchunked\r\n", CHUNKED, 400),
    "zero_byte": (b"x: \x00\r\ncontent-length: %d\r\n" % len(GOOD), GOOD, 400),
    "chunk_without_a_size": (b"transfer-encoding: chunked\r\n", b"zz\r\n" + CHUNKED, 400),
    "headers_too_large": (b"x: " + b"a" * 70_000 + b"\r\n", b"", 431),
    "too_many_headers": (b"".join(b"x%d: a\r\n" % number for number in range(200)), b"", 431),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "body", "http_status"), FRAMINGS.values(), ids=FRAMINGS)
def test_ambiguous_framing(stack: Stack, fields: bytes, body: bytes, http_status: int) -> None:
    """What two servers could cut into requests differently: one answer, the connection closed, nothing behind it read."""
    answer = _raw(stack, _head(stack, None, fields=fields) + body)
    assert _status(answer) == http_status
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"connection: close\r\n" in answer
    error = json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
    expected = "headers_too_large" if http_status == 431 else "request_invalid"
    assert (error["code"], error["type"]) == (expected, "invalid_request_error")
    assert_nothing_left(stack)


@pytest.mark.parametrize(
    "line", [b"POST /v1/models HTTP/1.0", b"NOSUCH /v1/models HTTP/1.1", b"GET /v1/models", b"\x16\x03"]
)
def test_no_request_of_our_protocol(stack: Stack, line: bytes) -> None:
    answer = _raw(stack, line + b"\r\nhost: x\r\n\r\n")
    assert _status(answer) in (400, 426)
    assert b'"request_invalid"' in answer
    assert_nothing_left(stack)


def test_body_that_never_comes_whole_is_never_decided(stack: Stack) -> None:
    with socket.create_connection(("127.0.0.1", stack.ports.gateway)) as connection:
        connection.sendall(_head(stack, len(GOOD) + 1) + GOOD)
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)
    assert_nothing_left(stack)


def test_chunked_trailers_end_at_envoy(stack: Stack) -> None:
    fields = b"transfer-encoding: chunked\r\ntrailer: x-trailer\r\nconnection: close\r\n"
    body = CHUNKED.removesuffix(b"\r\n") + b"x-trailer: " + AWS_KEY.encode() + b"\r\n\r\n"
    assert _status(_raw(stack, _head(stack, None, fields=fields) + body)) == 200
    (seen,) = stack.upstream_log()
    assert seen["body"] == GOOD.decode()
    assert_not_written(stack)


def test_http2_trailers_end_at_envoy(stack: Stack) -> None:
    with _http2(stack) as connection:
        assert connection.post(GOOD, trailers=[("x-trailer", AWS_KEY)]) == "200"
    (seen,) = stack.upstream_log()
    assert seen["body"] == GOOD.decode()
    assert "x-trailer" not in seen["header_names"]
    assert_not_written(stack)


def test_http2_body_of_another_length_than_said(stack: Stack) -> None:
    with _http2(stack) as connection:
        assert connection.post(GOOD, [("content-length", "5")]) == "reset"
    assert_nothing_left(stack)


# --- clients without manners -----------------------------------------------------------------------------------------


def _head(
    stack: Stack,
    length: int | None,
    *,
    method: str = "POST",
    target: str = "/v1/chat/completions",
    fields: bytes = b"",
) -> bytes:
    lines = [
        f"{method} {target} HTTP/1.1",
        "host: gateway",
        f"authorization: Bearer {stack.token()}",
        "content-type: application/json",
        *([f"content-length: {length}", "connection: close"] if length is not None else []),
    ]
    return "\r\n".join(lines).encode() + b"\r\n" + fields + b"\r\n"


def _raw(stack: Stack, data: bytes) -> bytes:
    """All that the gateway says to `data` until it closes; to a framing that it refuses it does so after a second."""
    answer = b""
    with socket.create_connection(("127.0.0.1", stack.ports.gateway), timeout=5) as connection:
        connection.sendall(data)
        while not _is_whole(answer) and (part := connection.recv(65536)):
            answer += part
    return answer


def _http2(stack: Stack) -> Http2Client:
    return Http2Client(stack.ports.public, stack.trust(), stack.token())


def _is_whole(answer: bytes) -> bool:
    """Whether a response of the length it says is there, so that nobody need wait for the end of the connection."""
    head, end, body = answer.lower().partition(b"\r\n\r\n")
    length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return bool(end) and length.isdigit() and len(body) >= int(length)


def _status(answer: bytes) -> int:
    version, _, rest = answer.partition(b" ")
    assert version == b"HTTP/1.1", answer
    return int(rest[:3])
