import pytest

from gateway_ext.dialects.event_stream import InspectedStream
from gateway_ext.dialects.sse import StreamMalformed
from gateway_ext.exchange import Usage
from tests.unit.dialects.clients import NEEDLE, TRANSCRIPTS, ReplacingGuard, documents, inspected, received


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_a_stream_without_findings_passes_byte_by_byte(name: str) -> None:
    assert inspected([TRANSCRIPTS[name]], ReplacingGuard(None)) == TRANSCRIPTS[name]


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_what_the_guard_finds_is_nowhere_in_what_goes_out(name: str) -> None:
    out = inspected([TRANSCRIPTS[name]], ReplacingGuard("[CODE]"))
    texts = received(TRANSCRIPTS[name])
    assert set(received(out)) == set(texts)
    assert "[CODE]" in "".join(received(out).values())
    for part in ("FIDEN", "DENTIAL", "\\u0043"):
        assert part not in out.decode()
    assert len(documents(out)) == len(documents(TRANSCRIPTS[name]))


@pytest.mark.parametrize(
    ("name", "usage", "next_number"),
    [
        ("chat_text", Usage(12, 11), 0),
        ("chat_tools", None, 0),
        ("completions", Usage(3, 5), 0),
        ("responses_text", Usage(37, 11, 30, reasoning_tokens=2), 22),
        ("messages", Usage(165, 89, 40, cache_write_tokens=100), 0),
    ],
)
def test_meters_on_the_way(name: str, usage: Usage | None, next_number: int) -> None:
    stream = InspectedStream(strips_usage=False)
    stream.feed(TRANSCRIPTS[name])
    assert (stream.usage, stream.saw_end, stream.next_sequence_number) == (usage, True, next_number)
    assert stream.total_bytes == len(TRANSCRIPTS[name])


def test_strips_a_usage_chunk_that_nobody_asked_for() -> None:
    out = inspected([TRANSCRIPTS["chat_text"]], ReplacingGuard(None), strips_usage=True)
    chunks = TRANSCRIPTS["chat_text"].split(b"\n\n")
    assert out == b"\n\n".join(chunk for chunk in chunks if b'"choices":[]' not in chunk)


def test_without_an_end_mark_the_end_of_the_stream_settles_all() -> None:
    cut = TRANSCRIPTS["chat_text"].partition(b'"finish_reason":"stop"')[0].rpartition(b"data:")[0]
    assert inspected([cut], ReplacingGuard(None, held_back=1_000)) == cut
    assert received(inspected([cut], ReplacingGuard("*"))) == {"0 content": "The key is *, dear Zoë 😀."}


def test_the_last_event_need_not_be_completed() -> None:
    rest = b'data: {"choices":[{"delta":{"content":"%s"}}]}' % NEEDLE.encode()
    for end in (b"", b"\n", b"\r"):
        assert inspected([rest + end], ReplacingGuard("*")) == b'data: {"choices":[{"delta":{"content":"*"}}]}' + end
    assert inspected([TRANSCRIPTS["chat_text"][:-1]], ReplacingGuard(None)) == TRANSCRIPTS["chat_text"][:-1]


def test_half_an_event_at_the_end_is_left_out() -> None:
    whole = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
    assert inspected([whole, b'data: {"choices":[{"delta":{"con'], ReplacingGuard(None)) == whole


def test_what_cannot_be_read_is_malformed() -> None:
    stream = InspectedStream(strips_usage=False)
    with pytest.raises(StreamMalformed):
        stream.feed(b"data: <html>\n\n")
