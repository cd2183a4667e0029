"""The trainer on toy texts: what it learns is what the classifier then judges by, and it is the same each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.guard.injection_templates import ATTACKS, HARMLESS, filled
from benchmarks.guard.logistic import Model, Rows, trained
from benchmarks.guard.measures import area_under_curve, calibration, precision_recall, threshold_at
from benchmarks.guard.train_ngrams import Head, write
from gateway_ext.guard.ngrams.classifier import NgramClassifier
from gateway_ext.guard.ngrams.grams import BLOCK, Layout
from gateway_ext.guard.ngrams.weights import HEADS, parse

SEA = [
    f"The {colour} boat sails over the {state} sea to harbour {n}"
    for colour in ("red", "old")
    for state in ("calm", "wild")
    for n in "abc"
]
TAX = [
    f"Your {kind} tax return for {state} income is due in {n} weeks"
    for kind in ("late", "new")
    for state in ("net", "gross")
    for n in "abc"
]
LABELS = np.array([True] * len(SEA) + [False] * len(TAX))


def toy_model() -> Model:
    return trained(Rows.of([*SEA, *TAX]), LABELS, np.ones(len(LABELS)))


def test_the_model_tells_what_it_was_shown_apart() -> None:
    scores = Rows.of([*SEA, *TAX, "A boat on the sea", "An income tax"]).highest(toy_model())
    assert scores[: len(SEA)].min() > 0 > scores[len(SEA) : -2].max()
    assert scores[-2] > scores[-1]


def test_the_classifier_scores_as_the_model_does(tmp_path: Path) -> None:
    model = toy_model()
    rows = Rows.of([*SEA, *TAX])
    head = Head(model, rows.highest(model)[LABELS], rows.highest(model)[~LABELS])
    digest = write(tmp_path / "one.npz", [head] * len(HEADS))
    assert digest == write(tmp_path / "two.npz", [head] * len(HEADS))
    classifier = NgramClassifier(HEADS[:1], parse((tmp_path / "two.npz").read_bytes(), digest))
    *_, scores = classifier.scores(Layout.of([text.encode() for text in (*SEA, *TAX)]))
    assert np.abs(scores[:, 0] - rows.highest(model)).max() < 0.05 * np.abs(scores).max()
    assert all(classifier.spans(SEA))
    assert scores[LABELS].min() > scores[~LABELS].max()


def test_rows_are_windows_of_their_texts() -> None:
    rows = Rows.of(["x" * BLOCK * 6, "short text", "y" * BLOCK * 6])
    assert rows.owners.tolist() == [0, 0, 0, 0, 1, 2, 2, 2, 2]
    assert Rows.of(["x" * BLOCK * 6], every=2).owners.tolist() == [0, 0]
    selected = rows.selected(np.array([False, True, True]))
    assert (selected.texts, selected.owners.tolist()) == (2, [0, 1, 1, 1, 1])


def test_templates_are_filled_the_same_each_time_without_repetition() -> None:
    attacks, harmless = list(filled(ATTACKS, seed=1)), list(filled(HARMLESS, seed=2))
    assert attacks == list(filled(ATTACKS, seed=1))
    assert not set(attacks) & set(harmless)
    assert not any("{" in text or "|" in text for text in (*attacks, *harmless) if "```" not in text)


def test_measures() -> None:
    positive, negative = np.array([3.0, 2.0, 1.0, 0.0]), np.array([2.0, -1.0, -2.0, -3.0])
    assert area_under_curve(positive, negative) == pytest.approx((4 + 3.5 + 3 + 3) / 16)
    assert (negative >= threshold_at(0.25, negative)).mean() == 0.25
    assert (negative >= threshold_at(0, negative)).sum() == 0
    assert precision_recall(positive, negative, 0.5) == pytest.approx((0.75, 0.75))
    slope, intercept = calibration(positive, negative)
    assert slope > 0
    assert 1 / (1 + np.exp(-(slope * 3 + intercept))) > 0.5 > 1 / (1 + np.exp(-(slope * -3 + intercept)))
