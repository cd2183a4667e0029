from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_ext.dialects.requests import read_prompt
from gateway_ext.errors import ConfigurationError
from gateway_ext.exchange import Endpoint, Prompt
from gateway_ext.routing import complexity
from gateway_ext.routing.complexity import FORMS, TEXT_CHARACTERS_MAX, Classifier, question, score, shipped, shortened

SIMPLE = ["What is the capital of Australia?", "Übersetze „Guten Morgen“ ins Spanische.", "Merci beaucoup !", "hi"]
COMPLEX = [
    "Implement Dijkstra's algorithm with a binary heap in Rust and analyse its complexity.",
    "Schreibe ein Python-Programm, das CSV-Dateien einliest, Dubletten erkennt und die Ergebnisse testet.",
    "Démontre par récurrence la formule, puis écris une fonction Python qui calcule la somme.",
]


def read(endpoint: Endpoint, **fields: Any) -> Prompt:
    return read_prompt(endpoint, json.dumps({"model": "m", **fields}).encode())


def chat(*messages: tuple[str, Any]) -> Prompt:
    return read(Endpoint.CHAT_COMPLETIONS, messages=[{"role": role, "content": text} for role, text in messages])


@pytest.mark.parametrize("text", SIMPLE)
def test_one_step(text: str) -> None:
    assert score(chat(("user", text))) < 0.5


@pytest.mark.parametrize("text", COMPLEX)
def test_several_steps(text: str) -> None:
    assert score(chat(("user", text))) > 0.5
    assert score(chat(("system", "Be brief."), ("user", "hi"), ("assistant", "hello"), ("user", text))) > 0.5


def test_what_was_said_before_does_not_count() -> None:
    assert score(chat(("user", COMPLEX[0]), ("assistant", COMPLEX[1]), ("user", SIMPLE[0]))) < 0.5
    assert score(chat(("system", COMPLEX[0]), ("user", SIMPLE[0]))) < 0.5


def test_the_question_of_each_endpoint() -> None:
    parts = [{"type": "text", "text": "first"}, {"type": "text", "text": "second"}]
    assert question(chat(("user", "before"), ("user", parts), ("assistant", "after"))) == "first\nsecond"
    assert question(read(Endpoint.RESPONSES, input="asked", instructions="told")) == "asked"
    assert question(read(Endpoint.COMPLETIONS, prompt="asked")) == "asked"
    assert (
        question(read(Endpoint.MESSAGES, max_tokens=5, messages=[{"role": "user", "content": parts}]))
        == "first\nsecond"
    )
    assert question(chat(("assistant", "alone"))) == ""


def test_without_a_question_there_is_nothing_complex() -> None:
    assert score(chat(("assistant", COMPLEX[0]))) == 0.0


def test_of_long_texts_the_beginning_and_the_end_count() -> None:
    filler = "lorem ipsum dolor sit amet " * 2_000
    assert len(question(chat(("user", COMPLEX[0] + filler)))) == TEXT_CHARACTERS_MAX
    assert score(chat(("user", COMPLEX[0] + filler))) > score(chat(("user", filler)))
    assert score(chat(("user", filler + COMPLEX[0]))) > score(chat(("user", filler)))


@settings(max_examples=100)
@given(st.text(min_size=1, max_size=300))
def test_any_text_has_a_probability(text: str) -> None:
    assert 0.0 <= shipped().probability(text) <= 1.0


def test_features_are_those_that_have_weights() -> None:
    document = json.loads(Path(complexity.__file__).with_name(complexity.FILE).read_text())
    assert set(document["weights"]) == {*document["words"], *FORMS}
    assert len(shipped().features("x")) == len(document["weights"])
    words = [word for kind in document["words"].values() for word in kind]
    assert len(words) == len(set(words)), "none speaks for two kinds"
    assert all(word == word.lower() for word in words)


def test_a_word_counts_by_its_kind() -> None:
    classifier = Classifier({"hard": ["prove", "proof"], "easy": ["joke"]}, {"hard": 8.0, "easy": -8.0}, 0.0)
    assert classifier.probability("a PROOF of it") > 0.95
    assert classifier.probability("prove it by proof") > classifier.probability("a proof, a proof")
    assert classifier.probability("tell a joke") < 0.05
    assert classifier.probability("neither") == 0.5


def test_a_damaged_installation_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(complexity, "SHA256", "0" * 64)
    shipped.cache_clear()
    with pytest.raises(ConfigurationError, match=r"complexity\.json.*install gateway-ext anew"):
        shipped()
    monkeypatch.undo()
    shipped.cache_clear()


def test_it_costs_little() -> None:
    text = shortened("Please analyse the code below, step by step, and prove what you say. " * 100)
    classifier = shipped()
    classifier.probability(text)
    best_ns = min(_timed_ns(classifier, text) for _ in range(200))
    assert best_ns < 200_000, "about 30 µs for 4 KB on an idle machine"


def _timed_ns(classifier: Classifier, text: str) -> int:
    started_ns = time.perf_counter_ns()
    classifier.probability(text)
    return time.perf_counter_ns() - started_ns
