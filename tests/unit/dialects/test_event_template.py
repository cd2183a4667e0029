from __future__ import annotations

import pytest

from gateway_ext.dialects.event_template import EventTemplate, template_of
from gateway_ext.dialects.event_texts import read_document, read_event_texts
from gateway_ext.dialects.sse import SseEvent, SseParser

CHUNK = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":null}]}\n\n'
BLOCK = (
    b"event: content_block_delta\n"
    b'data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"%s"}}\n\n'
)


def event(raw: bytes) -> SseEvent:
    (parsed,) = SseParser().feed(raw)
    return parsed


def template(raw: bytes) -> EventTemplate | None:
    parsed = event(raw)
    return template_of(parsed, read_event_texts(parsed, read_document(parsed)))


@pytest.mark.parametrize("form", [CHUNK, BLOCK])
def test_an_event_like_the_one_before_is_read_as_the_parser_reads_it(form: bytes) -> None:
    found = template(form % b"Hello")
    assert found is not None
    for words in (" there", "ü€😀", "{", "a: b, c"):
        following = event(form % words.encode())
        (parsed,) = read_event_texts(following, read_document(following)).growing
        assert found.piece_of(following) == parsed


@pytest.mark.parametrize(
    "raw",
    [
        CHUNK % b"",
        CHUNK % b"a \\u0041",
        CHUNK % b'x","role":"y',
        CHUNK % b"\xff",
        CHUNK % b"\x01",
        CHUNK.replace(b'"index":0', b'"index":1') % b"b",
        CHUNK.replace(b"null", b'"stop"') % b"b",
        b": comment\n" + CHUNK % b"b",
        BLOCK % b"b",
        b"data: [DONE]\n\n",
    ],
)
def test_everything_else_is_left_to_the_parser(raw: bytes) -> None:
    found = template(CHUNK % b"a")
    assert found is not None
    assert found.piece_of(event(raw)) is None


@pytest.mark.parametrize(
    "raw",
    [
        CHUNK.replace(b"null", b'"stop"') % b"a",  # ends the text
        CHUNK % b"\\u0061",
        CHUNK % b"content",  # stands there twice
        b": comment\n" + CHUNK % b"a",
        b'data: {"choices":[{"index":0,"delta":\ndata: {"content":"a"}}]}\n\n',
        b'data: {"choices":[{"index":0,"delta":{"content":"a","refusal":"b"}}]}\n\n',
        b'data: {"choices":[{"index":0,"delta":{"content":"a"}}],"note":"whole"}\n\n',
        b'data: {"type":"response.audio.delta","delta":"AAAA"}\n\n',
        b"data: [DONE]\n\n",
    ],
)
def test_only_simple_events_are_templates(raw: bytes) -> None:
    assert template(raw) is None
