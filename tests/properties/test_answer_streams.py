"""Inspected streams: where chunks are cut changes nothing, nothing leaves before it is settled, no other byte changes."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_ext.dialects import event_stream
from gateway_ext.dialects.event_json import JsonTextDecoder
from gateway_ext.dialects.event_stream import InspectedStream
from gateway_ext.dialects.sse import SseParser, StreamMalformed
from tests.unit.dialects.clients import NEEDLE, TRANSCRIPTS, ReplacingGuard, documents, inspected, received

NAMES = st.sampled_from(sorted(TRANSCRIPTS))
CUTS = st.lists(st.integers(0, 10_000), max_size=30)
LINE_ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
FIXED = ("type", "id", "index", "sequence_number", "usage", "output_index")
HELD_BACK = st.integers(0, 200)


def chunked(stream: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [stream[start:end] for start, end in pairwise(edges)]


def expected(texts: dict[str, str], replacement: str) -> dict[str, str]:
    """By name, as a client reads them: arguments decoded."""
    return {name: read(text).replace(NEEDLE, replacement) for name, text in texts.items()}


def read(text: str) -> str:
    return json.dumps(json.loads(text), ensure_ascii=False) if text.startswith("{") else text


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_wherever_it_is_cut_the_bytes_are_the_same(name: str) -> None:
    stream = TRANSCRIPTS[name]
    out = inspected([stream], ReplacingGuard("*"))
    every_byte = [stream[at : at + 1] for at in range(len(stream))]
    assert inspected(every_byte, ReplacingGuard(None)) == stream
    assert inspected(every_byte, ReplacingGuard("*")) == out
    for cut in range(1, len(stream), 37):
        assert inspected([stream[:cut], stream[cut:]], ReplacingGuard(None)) == stream
        assert inspected([stream[:cut], stream[cut:]], ReplacingGuard("*")) == out


@given(NAMES, CUTS, LINE_ENDS, HELD_BACK, st.booleans())
def test_without_edits_the_bytes_are_those_that_came(
    name: str, cuts: list[int], end: bytes, held_back: int, has_mark: bool
) -> None:
    stream = b"\xef\xbb\xbf" * has_mark + TRANSCRIPTS[name].replace(b"\n", end)
    assert inspected(chunked(stream, cuts), ReplacingGuard(None, held_back)) == stream


@given(NAMES, CUTS, LINE_ENDS, HELD_BACK, st.text(max_size=8))
def test_with_edits_clients_read_the_edited_texts(
    name: str, cuts: list[int], end: bytes, held_back: int, replacement: str
) -> None:
    stream = TRANSCRIPTS[name].replace(b"\n", end)
    out = inspected(chunked(stream, cuts), ReplacingGuard(replacement, held_back))
    wanted = {key: text for key, text in expected(received(stream), "\ue000").items() if text.strip("\ue000")}
    found = {key: read(text) for key, text in received(out).items()}
    assert found == {
        key: text.replace(
            "\ue000", json.dumps(replacement, ensure_ascii=False)[1:-1] if text[0] == "{" else replacement
        )
        for key, text in wanted.items()
    }


@given(NAMES, CUTS, HELD_BACK)
def test_events_keep_their_order_and_all_but_their_texts(name: str, cuts: list[int], held_back: int) -> None:
    stream = TRANSCRIPTS[name]
    out = inspected(chunked(stream, cuts), ReplacingGuard("*", held_back))
    for old, new in zip(documents(stream), documents(out), strict=True):
        assert list(new) == list(old)
        assert [new.get(key) for key in FIXED] == [old.get(key) for key in FIXED]
    for before, after in zip(SseParser().feed(stream), SseParser().feed(out), strict=True):
        if after.raw != before.raw:
            assert json.loads(after.data) != json.loads(before.data)


@given(NAMES, CUTS, st.integers(0, 40))
def test_nothing_leaves_before_it_is_settled(name: str, cuts: list[int], settled_max: int) -> None:
    """A Guard that settles no more of any text than so many code points."""
    stream = InspectedStream(strips_usage=False)
    out, lengths = b"", dict[str, int]()
    for chunk in chunked(TRANSCRIPTS[name], cuts):
        for piece in stream.feed(chunk):
            lengths[piece.channel] = lengths.get(piece.channel, 0) + len(piece.text)
            settled = lengths[piece.channel] if piece.is_whole else min(settled_max, lengths[piece.channel])
            stream.settle(piece.channel, settled)
        out += stream.pop()
        assert TRANSCRIPTS[name].startswith(out)
        for text in received(out).values():
            assert len(read_escapes(text)) <= settled_max


def read_escapes(text: str) -> str:
    """As far as it can be read: the first half of an escape may leave once the character is settled."""
    return JsonTextDecoder().feed(text) if text.startswith("{") else text


@given(st.lists(st.sampled_from(["\\", "u", "d83d", "de00", "0041", '"', "n", "é", "4", "\\\\"]), max_size=12), CUTS)
def test_json_is_read_alike_however_it_is_cut(parts: list[str], cuts: list[int]) -> None:
    raw = "".join(parts)
    whole, pieces = JsonTextDecoder(), JsonTextDecoder()
    edges = [0, *sorted(cut % (len(raw) + 1) for cut in cuts), len(raw)]
    text = whole.feed(raw) + whole.finish()
    assert "".join(pieces.feed(raw[a:b]) for a, b in pairwise(edges)) + pieces.finish() == text
    assert [pieces.position(at) for at in range(len(text) + 1)] == [whole.position(at) for at in range(len(text) + 1)]


@given(st.text(), st.booleans())
def test_json_strings_are_read_as_json_parsers_read_them(value: str, ascii_only: bool) -> None:
    decoder = JsonTextDecoder()
    assert decoder.feed(json.dumps(value, ensure_ascii=ascii_only)) == f'"{value}"'


@given(NAMES, st.lists(st.tuples(st.integers(0, 30), st.text(max_size=5)), max_size=8), CUTS)
def test_what_is_read_by_template_is_read_as_if_parsed(
    name: str, insertions: list[tuple[int, str]], cuts: list[int]
) -> None:
    """The transcript with some events repeated, with other words in the place of theirs."""
    events = SseParser().feed(TRANSCRIPTS[name])
    stream = [event.raw for event in events]
    for position, words in insertions:
        raw = stream[position % len(stream)]
        stream.insert(position % len(stream), raw.replace(b"The", json.dumps(words)[1:-1].encode() or b"x"))
    outcomes = []
    for is_parsed in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            if is_parsed:
                patch.setattr(event_stream, "template_of", lambda *_: None)
            try:
                outcomes.append(inspected(chunked(b"".join(stream), cuts), ReplacingGuard("*")))
            except StreamMalformed as malformed:
                outcomes.append(str(malformed).encode())
    assert outcomes[0] == outcomes[1]
