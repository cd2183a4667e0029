"""Harmful content: its categories are heads of the n-gram model, read in the same pass as injections."""

from __future__ import annotations

from gateway_ext.guard.harmful import detectors as harmful
from gateway_ext.guard.harmful.names import NAMES
from gateway_ext.guard.injection import detectors as injection


def test_all_categories_come_from_one_classifier() -> None:
    enabled = frozenset((*NAMES, "injection_model", "source_code", "email"))
    (classifier,) = [*injection.classifiers(enabled), *harmful.classifiers(enabled)]
    assert {kind.name for kind in classifier.kinds} == enabled - {"email"}


def test_only_what_is_enabled_is_judged() -> None:
    (classifier,) = injection.classifiers(frozenset({"harmful_self_harm"}))
    assert [(kind.name, kind.data_class) for kind in classifier.kinds] == [("harmful_self_harm", "harmful")]
    assert injection.classifiers(frozenset({"email"})) == []


def test_categories_are_found_and_ordinary_words_are_not() -> None:
    (classifier,) = injection.classifiers(frozenset(NAMES))
    texts = [
        "I keep cutting myself and I want to end my life, I have been thinking about suicide every night.",
        "The surgeon explained the cut and how the knife is held in this kind of operation.",
    ]
    spans = classifier.spans(texts)
    assert "harmful_self_harm" in {classifier.kinds[kind].name for kind, _ in spans[0]}
    assert spans[1] == []
