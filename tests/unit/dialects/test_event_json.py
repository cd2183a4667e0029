import json

import pytest

from gateway_ext.dialects.event_json import JsonTextDecoder

CASES = [
    ('{"a": "b"}', '{"a": "b"}'),
    (r'{"a": "\u0041\"\\\/\b\f\n\r\t"}', '{"a": "A"\\/\b\f\n\r\t"}'),
    (r'"\ud83d\ude00\uD83D\uDE00"', '"😀😀"'),
    (r'"\ud83d"', '"\ufffd"'),
    (r'"\ud83dx\ude00\ud83d\u0041\ud83d\ud83d\ude00"', '"\ufffdx\ufffd\ufffdA\ufffd😀"'),
    (r'"\x \u12 \u12G4 \'"', r'"\x \u12 \u12G4 \'"'),
    (r"\\u0041 \\\\n", "\\u0041 \\\\n"),
    ("\\", "\\"),
    (r"\u00", r"\u00"),
    (r"\ud83d\ude0", "\ufffd\\ude0"),
    (r"\ud83d\u", "\ufffd\\u"),
    (r"\ud83d", "\ufffd"),
    ("", ""),
]


@pytest.mark.parametrize(("raw", "expected"), CASES)
def test_reads_without_escapes_wherever_the_pieces_are_cut(raw: str, expected: str) -> None:
    cuts = [(first, second) for second in range(len(raw) + 1) for first in range(second + 1)]
    for first, second in cuts:
        decoder = JsonTextDecoder()
        pieces = (raw[:first], raw[first:second], raw[second:])
        assert "".join(map(decoder.feed, pieces)) + decoder.finish() == expected
        assert decoder.position(len(expected)) == len(raw)


def test_positions_are_those_of_whole_escapes() -> None:
    raw = r'["é\u0041\n\ud83d\ude00z"]'
    decoder = JsonTextDecoder()
    read = decoder.feed(raw)
    assert read == '["éA\n😀z"]'
    starts = [decoder.position(index) for index in range(len(read) + 1)]
    assert starts == [0, 1, 2, 3, 9, 11, 23, 24, 25, 26]
    for end in range(len(raw)):
        decoder = JsonTextDecoder()
        decoder.feed(raw)
        decoder.forget(end)
        assert [decoder.position(index) for index in range(len(read) + 1) if starts[index] >= end] == [
            start for start in starts if start >= end
        ]


def test_a_cut_escape_is_not_read_yet() -> None:
    decoder = JsonTextDecoder()
    assert decoder.feed('"a\\u00') == '"a'
    assert decoder.position(2) == 2
    assert decoder.feed("41b") == "Ab"
    assert decoder.position(3) == 8


def test_knows_what_is_inside_strings() -> None:
    raw = r'{"k\"": 12, "v": ""}'
    inside = [index for index in range(len(raw)) if raw[index] in "kv" or index in (3, 4)]
    for forgotten in range(len(raw)):
        decoder = JsonTextDecoder()
        decoder.feed(raw)
        decoder.forget(forgotten)
        found = [index for index in range(forgotten, len(raw)) if decoder.is_inside_string(index)]
        assert found == [index for index in inside if index >= forgotten]


def test_starts_within_a_text() -> None:
    decoder = JsonTextDecoder(start=3)
    read = "   " + decoder.feed(json.dumps(["é\n"]))
    assert read == '   ["é\n"]'
    assert [decoder.position(index) for index in range(10)] == [0, 1, 2, 3, 4, 5, 11, 13, 14, 15]
