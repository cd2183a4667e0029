import pytest

from gateway_ext import limits
from gateway_ext.dialects.sse import SseEvent, SseParser, StreamMalformed, other_lines, replace_data


def events(*chunks: bytes) -> list[tuple[str, bytes]]:
    parser = SseParser()
    return [(event.event, event.data) for chunk in chunks for event in parser.feed(chunk)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_line_end_ends_lines(end: bytes) -> None:
    stream = b"event: delta#data: 1#data: 2##: keep-alive##data:3##".replace(b"#", end)
    expected = [("delta", b"1\n2"), ("", b""), ("", b"3")]
    assert events(stream) == expected
    for cut in range(len(stream)):
        assert events(stream[:cut], stream[cut:]) == expected


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"data:x\n\n", [("", b"x")]),
        (b"data:  x \n\n", [("", b" x ")]),
        (b"data\n\n", [("", b"")]),
        (b"data: a:b\n\n", [("", b"a:b")]),
        (b"data: a\ndata:\ndata: b\n\n", [("", b"a\n\nb")]),
        (b"\xef\xbb\xbfdata: x\n\ndata: y\n\n", [("", b"x"), ("", b"y")]),
        (b"Data: x\n data: y\nid: 7\nretry: 10\n\n", [("", b"")]),
        (b"event: a\nevent: b\ndata: x\n\n", [("b", b"x")]),
        (b"data: x\r\n\n", [("", b"x")]),
        (b"data: x\n\r\n", [("", b"x")]),
        ("data: é\u2028\x85\x0b\n\n".encode(), [("", "é\u2028\x85\x0b".encode())]),
        (b"data: x", []),
        (b"data: x\r\n", []),
    ],
)
def test_reads_as_the_standard_says(stream: bytes, expected: list[tuple[str, bytes]]) -> None:
    assert events(stream) == expected
    assert events(*(stream[at : at + 1] for at in range(len(stream)))) == expected


def test_a_line_end_cut_in_two_makes_no_event_of_its_own() -> None:
    parser = SseParser()
    assert parser.feed(b"data: x\r\n\r") == [SseEvent(b"data: x\r\n\r", "", b"x")]
    assert parser.feed(b"\n") == []
    assert parser.feed(b"data: y\n\n") == [SseEvent(b"\ndata: y\n\n", "", b"y")]


def test_blank_lines_between_events_are_blocks_without_data() -> None:
    parser = SseParser()
    assert [event.raw for event in parser.feed(b"\ndata: x\n\n\r\ndata: y\n\n")] == [
        b"\n",
        b"data: x\n\n",
        b"\r\n",
        b"data: y\n\n",
    ]


def test_finish_returns_what_is_not_an_event() -> None:
    parser = SseParser()
    parser.feed(b"data: x\n\ndata: half")
    assert parser.finish() == b"data: half"
    assert parser.finish() == b""


def test_an_event_without_end_is_refused_and_so_is_the_rest() -> None:
    parser = SseParser()
    for _ in range(limits.SSE_EVENT_BYTES_MAX // 65_536):
        assert parser.feed(b"x" * 65_536) == []
    for chunk in (b"x", b"\n\n"):
        with pytest.raises(StreamMalformed):
            parser.feed(chunk)


def test_an_event_of_the_limit_passes_and_one_byte_more_does_not() -> None:
    largest = b"data: " + b"x" * (limits.SSE_EVENT_BYTES_MAX - 8) + b"\n\n"
    assert len(SseParser().feed(largest + b"data: y\n\n")) == 2
    with pytest.raises(StreamMalformed):
        SseParser().feed(b" " + largest)


def test_bytes_that_are_no_utf_8_pass_through() -> None:
    (event,) = SseParser().feed(b"event: \xff\ndata: \xfe\n\n")
    assert event == SseEvent(b"event: \xff\ndata: \xfe\n\n", "\ufffd", b"\xfe")


def test_an_event_that_was_never_completed_is_read_as_if_it_were() -> None:
    for rest, expected in [(b"data: [DONE]\n", b"[DONE]"), (b"data: x", b"x"), (b"\xef\xbb\xbfdata: x", b"x")]:
        parser = SseParser()
        parser.feed(rest)
        assert parser.finish_event() == SseEvent(rest, "", expected)
        assert parser.finish_event() is None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"data: x\n\n", b"data: new\n\n"),
        (b"data:x\r\n\r\n", b"data: new\r\n\r\n"),
        (b"\ndata: x\ndata: y\rdata\rid: 1\n\n", b"\ndata: new\nid: 1\n\n"),
        (b"\xef\xbb\xbfdata: x\n\n", b"data: new\n\n"),
        (b": data: x\nevent: e\ndata: x", b": data: x\nevent: e\ndata: new"),
        (b": ping\n\n", b": ping\n\n"),
    ],
)
def test_data_is_replaced_and_nothing_else(raw: bytes, expected: bytes) -> None:
    assert replace_data(raw, b"new") == expected


def test_other_lines_can_be_left_out() -> None:
    raw = b": Jane\nevent: Jane\nevent: delta\nid: Jane\ndata: x\nJane\n\n"
    assert replace_data(raw, b"new", keeps_other_lines=False) == b"event: delta\ndata: new\n\n"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"data: x\n\n", ""),
        (b"event: content_block_delta\r\ndata: x\r\n\r\n", ""),
        (b"\xef\xbb\xbfdata: x\n\n", ""),
        (b"data: x\ndata: y\ndata: z\n\n", ""),
        (b": ping\n\n", ": ping"),
        (b"id: 7\ndata: x\n\n", "id: 7"),
        (b"event: Jane Doe\ndata: x\n\n", "event: Jane Doe"),
        (b"event: Jane\nevent: delta\ndata: x\n\n", "event: Jane"),
        (b"event: \xff\ndata: x\n\n", "event: \ufffd"),
        (b"Jane\nretry: 1\n\n", "Jane\nretry: 1"),
    ],
)
def test_what_stands_outside_of_the_data(raw: bytes, expected: str) -> None:
    (event,) = SseParser().feed(raw)
    assert other_lines(event) == expected
