from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_ext.policy.yaml_source import read_source


def parse(text: str) -> Any:
    source = read_source("x.yaml", text.encode())
    assert source.problems == ()
    return source.document


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("NO", "NO"),  # Norway is a jurisdiction, not False
        ("on", "on"),
        ("yes", "yes"),
        ("true", True),
        ("null", None),
        ("~", None),
        ("", None),
        ("''", ""),
        ("'true'", "true"),
        ("20", 20),
        ("-3", -3),
        ("'20'", "20"),
        ("010", "010"),
        ("0x10", "0x10"),
        ("12:30", "12:30"),
        ("2026-11-21", "2026-11-21"),
        ("1_000", "1_000"),
        ("1e3", "1e3"),
        (".inf", ".inf"),
        ("2.5", Decimal("2.5")),
        ("0.1", Decimal("0.1")),
        ("1.000000001", Decimal("1.000000001")),
        ("9" * 30, "9" * 30),
    ],
)
def test_scalars_mean_what_they_look_like(written: str, value: object) -> None:
    parsed = parse(f"key: {written}")["key"]
    assert parsed == value
    assert type(parsed) is type(value)


def test_keys_are_always_text() -> None:
    assert parse("{1: a, true: b, null: c}") == {"1": "a", "true": "b", "null": "c"}


def test_block_and_flow_forms_are_the_same() -> None:
    assert (
        parse("a:\n  - b: 1\n    c: [2, 3]\n") == parse("{a: [{b: 1, c: [2, 3]}]}") == {"a": ({"b": 1, "c": (2, 3)},)}
    )


def test_positions_count_from_one_and_in_characters() -> None:
    source = read_source("x.yaml", "# é\nmodels:\n  é: {deployments: [x, y]}\n".encode())
    assert source.position(("models", "é"), of_key=True) == (3, 3)
    assert source.position(("models", "é", "deployments", 1)) == (3, 24)


def test_a_missing_key_is_shown_at_what_lacks_it() -> None:
    source = read_source("x.yaml", b"models:\n  one:\n    a: 1\n")
    assert source.position(("models", "one", "price")) == (2, 3)


def test_every_duplicate_is_reported_and_the_rest_is_still_read() -> None:
    source = read_source("x.yaml", b"a: 1\nb: 2\na: {c: 3}\nb: 4\nd: 5\n")
    assert source.is_readable
    assert source.document == {"a": 1, "b": 2, "d": 5}
    assert [(problem.line, problem.column) for problem in source.problems] == [(3, 1), (4, 1)]


def test_a_bomb_is_refused_before_it_expands() -> None:
    levels = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 30))
    source = read_source("x.yaml", f"l0: &l0 [x]\n{levels}\n".encode())
    assert not source.is_readable
    assert "anchors" in source.problems[0].message


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_input_makes_it_raise(data: bytes) -> None:
    source = read_source("x.yaml", data)
    assert source.is_readable or source.problems


@given(st.text(alphabet="ab:- \n\t[]{}&*!'\"#,?|>%@`~0.", max_size=60))
def test_no_punctuation_makes_it_raise(text: str) -> None:
    source = read_source("x.yaml", text.encode())
    assert source.is_readable or source.problems
    assert all(problem.line >= 1 and problem.column >= 1 for problem in source.problems)
