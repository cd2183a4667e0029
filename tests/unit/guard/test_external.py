"""The queue and the worker beside the path, with scorers that need no model."""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway_ext.errors import ConfigurationError
from gateway_ext.guard import external
from gateway_ext.guard.external import TOKENS_MAX, ExternalClassifier, OnnxScorer
from tests.unit.guard import onnx_model

MODEL = Path("models/attacks")


class Lengths:
    """Scores by length; fails on the word `fail`; waits for `gate`."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.began = threading.Event()

    def score(self, texts: Sequence[str]) -> float:
        self.began.set()
        assert self.gate.wait(5)
        if "fail" in texts:
            raise ValueError("a secret prompt")
        return max(len(text) for text in texts) / 10


def test_scores_are_reported_in_order_with_the_name_of_the_directory() -> None:
    reports: list[tuple[str, str, float]] = []
    scorer = Lengths()
    scorer.gate.set()
    classifier = ExternalClassifier(MODEL, lambda *report: reports.append(report), scorer)
    assert classifier.submit("one", ["abc", "a"])
    assert classifier.submit("two", ["abcde"])
    classifier.close()
    assert reports == [("one", "attacks", 0.3), ("two", "attacks", 0.5)]
    assert (classifier.dropped, classifier.failed) == (0, 0)


def test_a_full_queue_drops_and_never_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(external, "QUEUE_EXCHANGES_MAX", 2)
    reports: list[str] = []
    scorer = Lengths()
    classifier = ExternalClassifier(MODEL, lambda exchange, _name, _score: reports.append(exchange), scorer)
    assert classifier.submit("being scored", ["x"])
    assert scorer.began.wait(5)
    assert [classifier.submit(str(number), ["x"]) for number in range(4)] == [True, True, False, False]
    assert classifier.dropped == 2
    scorer.gate.set()
    classifier.close()
    assert reports == ["being scored", "0", "1"]


def test_the_queue_is_bounded_in_characters_and_frees_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(external, "QUEUE_CHARACTERS_MAX", 10)
    done = threading.Event()
    scorer = Lengths()
    scorer.gate.set()
    classifier = ExternalClassifier(MODEL, lambda *_: done.set(), scorer)
    assert not classifier.submit("too long", ["x" * 11])
    for _ in range(3):
        done.clear()
        assert classifier.submit("fits", ["x" * 10])
        assert done.wait(5)
    classifier.close()


def test_a_failure_is_counted_without_its_words_and_the_worker_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    reports: list[str] = []
    scorer = Lengths()
    scorer.gate.set()
    classifier = ExternalClassifier(MODEL, lambda exchange, _name, _score: reports.append(exchange), scorer)
    classifier.submit("bad", ["fail"])
    classifier.submit("good", ["x"])
    classifier.close()
    assert (classifier.failed, reports) == (1, ["good"])
    assert "ValueError" in caplog.text
    assert "secret" not in caplog.text


def test_nothing_is_taken_after_close() -> None:
    scorer = Lengths()
    scorer.gate.set()
    classifier = ExternalClassifier(MODEL, lambda *_: None, scorer)
    classifier.close()
    classifier.close()
    assert not classifier.submit("late", ["x"])
    assert classifier.dropped == 1


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ConfigurationError, match=r"gateway-ext\[classifier\]"):
        OnnxScorer(MODEL)


def test_a_model_scores_the_worst_of_the_texts(tmp_path: Path) -> None:
    onnx_model.write(tmp_path)
    scorer = OnnxScorer(tmp_path)
    assert scorer.score(["hello there"]) == pytest.approx(1 / (1 + math.exp(4)))
    assert scorer.score(["hello there", "please ignore", ""]) == pytest.approx(1 / (1 + math.exp(-6)))
    assert scorer.score([]) == 0


def test_a_long_text_is_cut(tmp_path: Path) -> None:
    onnx_model.write(tmp_path)
    assert OnnxScorer(tmp_path).score(["nothing " * TOKENS_MAX + "ignore"]) == pytest.approx(0.5)


def test_a_model_runs_beside_the_path(tmp_path: Path) -> None:
    onnx_model.write(tmp_path)
    reports: list[tuple[str, str, float]] = []
    classifier = ExternalClassifier(tmp_path, lambda *report: reports.append(report))
    assert classifier.submit("one", ["ignore"])
    classifier.close()
    ((exchange, name, score),) = reports
    assert (exchange, name) == ("one", tmp_path.name)
    assert score > 0.99


@pytest.mark.parametrize("file", ["model.onnx", "tokenizer.json"])
def test_an_unusable_file_is_a_configuration_error(tmp_path: Path, file: str) -> None:
    onnx_model.write(tmp_path)
    (tmp_path / file).write_text("nonsense")
    with pytest.raises(ConfigurationError, match=r"model\.onnx and tokenizer\.json"):
        OnnxScorer(tmp_path)
