import json
import time

import pytest

from gateway_ext.dialects.embedded_json import Escapes, escape, escaped_strings, may_hide_text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('{"a": "x\\ny"}', True),
        (' \n["\\u0041"]', True),
        ('{"a": "no escapes"}', False),
        ("Hello \\n", False),
        ("", False),
    ],
)
def test_tells_where_text_may_hide(value: str, expected: bool) -> None:
    assert may_hide_text(value) is expected


def test_only_strings_with_escapes_are_given() -> None:
    value = '{"plain": "a", "k\\u0065y": "\\u0041KIA\\n\\"\\\\", "b": ["\\ud83d\\ude00"]}'
    strings = list(escaped_strings(value))
    assert [text for _, text in strings] == ["key", 'AKIA\n"\\', "😀"]
    assert all(value[offset] == '"' for offset, _ in strings)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('["\\ud800x"]', ["\ufffdx"]),
        ('["\\x41", "\\n"]', ["\n"]),
        ('["line\nbreak\\t"]', ["line\nbreak\t"]),
        ('["cut short\\n', ["cut short\n"]),
        ('["cut short\\', []),
        ('["cut short\\u00', []),
    ],
)
def test_takes_what_is_not_quite_json(value: str, expected: list[str]) -> None:
    assert [text for _, text in escaped_strings(value)] == expected


def test_positions_map_outwards() -> None:
    value = '["plain", "a\\n\\u00e9😀\\ud83d\\ude00z"]'
    ((offset, text),) = escaped_strings(value)
    assert text == "a\né😀😀z"
    escapes = Escapes(value, offset)
    pieces = [value[escapes.position(at) : escapes.position(at + 1)] for at in range(len(text))]
    assert pieces == ["a", "\\n", "\\u00e9", "😀", "\\ud83d\\ude00", "z"]


def test_widening_never_cuts_an_escape() -> None:
    value = '{"a": "x\\nAKIA\\u00e9y"}'
    escapes = Escapes(value)
    for start in range(len(value)):
        for end in range(start + 1, len(value) + 1):
            first, last = escapes.widen(start, end)
            assert first <= start
            assert last >= end
            assert "\\" not in value[:first].replace("\\n", "").replace("\\u00e9", "")
            assert not value[last:].startswith(("n", "u00e9", "00e9", "0e9", "e9", "9"))
    assert escapes.widen(value.index("AKIA"), value.index("AKIA") + 4) == (9 + 1, 9 + 5)


def test_a_replacement_is_written_as_json_wants_it() -> None:
    text = '[E-MAIL "é" \\ \n]'
    assert json.loads(f'"{escape(text)}"') == text


def test_time_is_linear_on_unclosed_strings() -> None:
    value = '["' + '\\"' * 200_000
    started = time.process_time()
    assert [text for _, text in escaped_strings(value)] == ['"' * 200_000]
    assert time.process_time() - started < 0.5  # milliseconds; minutes if it were quadratic
