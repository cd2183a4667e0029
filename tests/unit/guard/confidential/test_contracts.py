from __future__ import annotations

import time

import pytest

from gateway_ext.guard.confidential.clause_markers import MARKERS
from gateway_ext.guard.confidential.contracts import CLAUSES_MIN, REACH_CHARACTERS, ContractClassifier
from tests.unit.guard.confidential.contract_samples import EXCERPTS, OTHERS

CLASSIFIER = ContractClassifier()
SPACE = "We had a long talk about the weather and the trains. " * 60  # more than the reach


@pytest.mark.parametrize("name", EXCERPTS)
def test_excerpts_of_contracts(name: str) -> None:
    text = f"Please translate:\n{EXCERPTS[name]}\nThanks!"
    [[(kind, span)]] = CLASSIFIER.spans([text])
    assert CLASSIFIER.kinds[kind].name == "contract_clause"
    assert span.start >= 18
    assert span.end <= len(text) - 8
    assert span.confidence >= 0.7


@pytest.mark.parametrize("text", OTHERS)
def test_speaking_of_contracts_is_no_contract(text: str) -> None:
    assert CLASSIFIER.spans([text]) == [[]]


def test_several_markers_of_one_kind_count_once() -> None:
    text = "force majeure, act of God, höhere Gewalt, forza maggiore, governing law, ley aplicable"
    assert CLASSIFIER.spans([text]) == [[]]
    assert CLASSIFIER.spans([text + ", severability"])[0]


def test_markers_far_apart_do_not_add_up() -> None:
    assert len(SPACE) > REACH_CHARACTERS
    assert CLASSIFIER.spans([SPACE.join(("force majeure", "governing law", "severability"))]) == [[]]


def test_two_passages_are_two_findings() -> None:
    excerpt = EXCERPTS["en final"]
    text = excerpt + SPACE * 2 + excerpt
    [spans] = CLASSIFIER.spans([text])
    assert [span.start < len(excerpt) for _, span in spans] == [True, False]
    assert spans[0][1].end <= len(excerpt)
    assert spans[1][1].start >= len(text) - len(excerpt)
    assert spans[0][1].value == spans[1][1].value


def test_a_long_contract_is_one_finding() -> None:
    text = "\n".join([*EXCERPTS.values()] * 5)
    [[(_, span)]] = CLASSIFIER.spans([text])
    assert span.end - span.start > 0.9 * len(text)
    assert span.confidence == pytest.approx(0.95)


def test_texts_are_judged_alone() -> None:
    assert CLASSIFIER.spans(["force majeure", "governing law", "severability"]) == [[], [], []]


def test_a_marker_does_not_reach_into_the_next_text() -> None:
    clauses = "force majeure, severability, governing law"
    assert CLASSIFIER.spans([clauses.removesuffix(" law"), "law"]) == [[], []]
    [_, [(_, span)], _] = CLASSIFIER.spans(["Hello", clauses, "Thanks"])
    assert (span.start, span.end) == (0, len(clauses))


@pytest.mark.parametrize(
    "clauses", [("governing law",), ("lovvalg", "force majeure"), ("overmacht", "lovvalg", "foro competente")]
)
def test_a_text_full_of_markers_takes_linear_time(clauses: tuple[str, ...]) -> None:
    text = " ".join(clauses) + " "
    text *= 300_000 // len(text)
    started = time.process_time()
    [spans] = CLASSIFIER.spans([text])
    assert time.process_time() - started < 0.5
    assert len(spans) == (len(clauses) >= CLAUSES_MIN)


def test_no_marker_stands_for_two_kinds() -> None:
    markers = [marker.casefold() for each in MARKERS.values() for marker in each]
    assert len(markers) == len(set(markers))
