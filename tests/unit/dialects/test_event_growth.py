import json

import pytest

from gateway_ext.dialects.event_growth import GrowingText


def text(*, is_json: bool = False) -> GrowingText:
    return GrowingText("text 1", "/delta", is_json=is_json)


def test_nothing_is_released_beyond_what_is_settled() -> None:
    growing = text()
    growing.feed("Hello wor")
    growing.settle(5, [])
    assert [end for end in range(10) if growing.is_settled(end)] == [0, 1, 2, 3, 4, 5]


def test_a_replacement_stands_where_its_span_begins() -> None:
    growing = text()
    pieces = ["My na", "me is J", "an", "", "e Doe", "!"]
    for piece in pieces:
        growing.feed(piece)
    growing.settle(19, [(11, 19, "[NAME]")])
    start, out = 0, []
    for piece in pieces:
        out.append(growing.release(start, piece))
        start += len(piece)
    assert out == ["My na", "me is [NAME]", "", "", "", "!"]


def test_several_edits_in_one_piece_in_any_order() -> None:
    growing = text()
    growing.feed("a1b2c3")
    growing.settle(6, [(5, 6, "z"), (1, 2, "x"), (3, 4, "")])
    assert growing.release(0, "a1b2c3") == "axbcz"


@pytest.mark.parametrize(
    ("settled", "edits"),
    [(9, []), (2, []), (6, [(2, 4, "*")]), (6, [(5, 7, "*")]), (6, [(4, 4, "*")]), (8, [(4, 6, "*"), (5, 7, "*")])],
)
def test_nonsense_is_an_error(settled: int, edits: list[tuple[int, int, str]]) -> None:
    growing = text()
    growing.feed("12345678")
    growing.settle(3, [])
    with pytest.raises(ValueError):
        growing.settle(settled, edits)


def redacted(pieces: list[str], found: str, replacement: str, *, is_json: bool = True) -> str:
    growing = text(is_json=is_json)
    read = "".join(map(growing.feed, pieces)) + growing.finish()
    start = read.index(found)
    growing.settle(len(read), [(start, start + len(found), replacement)])
    done, out = 0, ""
    for piece in pieces:
        assert growing.is_settled(done + len(piece))
        out += growing.release(done, piece)
        done += len(piece)
    return out


@pytest.mark.parametrize("replacement", ["[NAME]", 'a "b"\\', "\n"])
def test_json_stays_json(replacement: str) -> None:
    pieces = ['{"to": "\\u00', "4aane", ' D\\u006fe", ', '"n": [4111', "1111]}"]
    assert json.loads(redacted(pieces, "Jane Doe", replacement)) == {"to": replacement, "n": [41111111]}
    assert json.loads(redacted(pieces, "41111111", replacement)) == {"to": "Jane Doe", "n": [replacement]}


def test_what_begins_like_json_is_read_without_escapes() -> None:
    pieces = [" ", ' {"k": "', "\\u004aane", '"}']
    assert redacted(pieces, "Jane", "*", is_json=False) == '  {"k": "*"}'
    assert redacted(["No: ", '{"\\u004aane"}'], "\\u004aane", "*", is_json=False) == 'No: {"*"}'


def test_an_unfinished_escape_is_settled_only_at_the_end() -> None:
    growing = text(is_json=True)
    assert growing.feed('"a\\u00') == '"a'
    growing.settle(2, [])
    assert not growing.is_settled(6)
    assert growing.finish() == "\\u00"
    growing.settle(6, [])
    assert growing.is_settled(6)
