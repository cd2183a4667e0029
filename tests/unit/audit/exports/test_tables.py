import csv
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_ext.audit.encoding import Event
from gateway_ext.audit.exports.tables import Format, columns, harmless, header, original, row, text, time_text, values
from tests.unit.audit.index.recorded import ORDER, decision, event, outcome

RECORDS = [event(decision("e1", classes=["secret"]), 1), event(outcome("e1"), 2), event(ORDER, 3)]


@pytest.mark.parametrize("each", RECORDS, ids=lambda each: each.name)
def test_no_value_of_a_record_is_without_a_column(each: Event) -> None:
    of = values("processor-0", 7, each)
    assert set(of) <= set(columns())
    assert of["leaf"] == 7
    assert len(set(columns())) == len(columns())


@settings(max_examples=100)
@given(st.text())
def test_a_cell_is_harmless_and_can_be_taken_back(cell: str) -> None:
    shown = harmless(cell)
    assert original(shown) == cell
    assert shown.isprintable()
    assert not shown.startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))


def test_a_line_of_csv_is_read_back() -> None:
    names = ("a", "b", "c", "d")
    line = row(Format.CSV, names, {"a": 'one, "two"', "b": ["x"], "c": True})
    data = (header(Format.CSV, names) + line).decode()
    assert data.endswith("\r\n")
    (found,) = csv.DictReader(data.splitlines())
    assert {name: original(cell) for name, cell in found.items()} == {
        "a": 'one, "two"',
        "b": '["x"]',
        "c": "true",
        "d": "",
    }


def test_a_json_line_has_the_columns_that_have_something_to_say() -> None:
    assert row(Format.JSON_LINES, ("b", "a"), {"a": 1, "c": 2}) == b'{"a":1}\n'
    assert header(Format.JSON_LINES, ("a",)) == b""


def test_times_are_rfc_3339_to_the_nanosecond() -> None:
    assert time_text(1_800_000_000_000_000_001) == "2027-01-15T08:00:00.000000001Z"


def test_text_of_values() -> None:
    assert [text(each) for each in ("x", 5, -5, False, {"a": [1]})] == ["x", "5", "-5", "false", '{"a":[1]}']


@settings(max_examples=100)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_json_is_ascii_and_says_the_same(said: str) -> None:
    line = row(Format.JSON_LINES, ("a",), {"a": [said, 0.5]})
    assert line.isascii()
    assert json.loads(line) == {"a": [said, 0.5]}
