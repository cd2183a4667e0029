"""Server-sent events: no byte is lost or invented, and where chunks are cut changes nothing."""

from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from gateway_ext.dialects.sse import SseEvent, SseParser

PIECES = st.sampled_from(
    [
        b"\n",
        b"\r",
        b"\r\n",
        b"data:",
        b"data: ",
        b"data",
        b"event: x",
        b":",
        b": c",
        b"y",
        b" ",
        b"\xef\xbb\xbf",
        b"\xff",
    ]
)
STREAMS = st.lists(PIECES, max_size=40).map(b"".join)


def chunked(stream: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [stream[start:end] for start, end in pairwise(edges)]


def parsed(chunks: list[bytes]) -> tuple[list[SseEvent], bytes]:
    parser = SseParser()
    events = [event for chunk in chunks for event in parser.feed(chunk)]
    return events, parser.finish()


def reference(stream: bytes) -> list[tuple[str, bytes]]:
    """The standard's algorithm, line by line, on the whole stream. Blocks without data lines dispatch nothing."""
    dispatched: list[tuple[str, bytes]] = []
    event, data = "", list[bytes]()
    text = stream.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    *lines, _unfinished = text.split(b"\n")
    for line in lines:
        if line == b"":
            if b"\n".join(data):
                dispatched.append((event, b"\n".join(data)))
            event, data = "", []
            continue
        name, _, value = line.partition(b":")
        if name == b"data":
            data.append(value.removeprefix(b" "))
        elif name == b"event":
            event = value.removeprefix(b" ").decode("utf-8", errors="replace")
    return dispatched


@given(STREAMS, st.lists(st.integers(0, 1000), max_size=12))
@example(b"data: x\r\n\r\ndata: y\r\n\r\n", list(range(22)))
@example(b"data: x\r\r\n\n", [9, 10])
def test_every_cut_gives_the_standards_events_and_the_same_bytes(stream: bytes, cuts: list[int]) -> None:
    events, rest = parsed(chunked(stream, cuts))
    assert b"".join(event.raw for event in events) + rest == stream
    assert [(event.event, event.data) for event in events if event.data] == reference(stream)


@given(STREAMS, st.sets(st.integers(0, 20)), st.lists(st.integers(0, 1000), max_size=12))
def test_leaving_events_out_leaves_the_others_as_they_are(stream: bytes, left_out: set[int], cuts: list[int]) -> None:
    events, _ = parsed(chunked(stream, cuts))
    kept = [event for index, event in enumerate(events) if index not in left_out and event.data]
    assert reference(b"".join(event.raw for event in kept)) == [(event.event, event.data) for event in kept]


@given(st.lists(st.binary(max_size=30), max_size=20))
def test_any_bytes_pass_unchanged(chunks: list[bytes]) -> None:
    events, rest = parsed(chunks)
    assert b"".join(event.raw for event in events) + rest == b"".join(chunks)
