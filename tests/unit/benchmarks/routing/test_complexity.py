"""How the classifier of complexity is trained and measured; the published sets are not needed for it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.routing.complexity import HELD_OUT, Labelled, confusion, hand_labelled, report, trained, with_pasted
from gateway_ext.routing.complexity import FORMS, Classifier, shipped

WORDS = {"hard": ["prove", "design"], "easy": ["joke", "thanks"]}
TOY = [
    Labelled(f"please {word} {number}", word in WORDS["hard"])
    for words in WORDS.values()
    for word in words
    for number in range(9)
]


def test_prompts_are_labelled_evenly_in_each_language() -> None:
    prompts = hand_labelled()
    assert len(prompts) >= 400
    assert len({each.text for each in prompts}) == len(prompts)
    by_language = Counter((each.language, each.is_complex) for each in prompts)
    assert {language for language, _ in by_language} == {"de", "en", "es", "fr", "it", "nl", "pl", "pt"}
    assert all(by_language[language, True] == by_language[language, False] >= 20 for language, _ in by_language)


def test_what_is_pasted_changes_no_label() -> None:
    pasted = with_pasted(TOY)
    assert len(pasted) == 3 * len(TOY)
    assert all(
        TOY[at // 3].text in each.text and TOY[at // 3].is_complex == each.is_complex for at, each in enumerate(pasted)
    )


def test_training_finds_which_words_tell() -> None:
    weights, bias = trained(WORDS, [TOY])
    assert set(weights) == {*WORDS, *FORMS}
    assert weights["hard"] > 0 > weights["easy"]
    assert confusion(Classifier(WORDS, weights, bias), TOY) == (18, 0, 0, 18)
    assert trained(WORDS, [TOY]) == (weights, bias), "the same on every run"


def test_the_shipped_weights_are_as_good_as_the_page_says() -> None:
    """On what they were trained on they must be better than the page says of what they were not."""
    right_simple, false_alarms, missed, right_complex = confusion(shipped(), hand_labelled())
    assert false_alarms / (right_simple + false_alarms) <= 0.05
    assert right_complex / (missed + right_complex) >= 0.65


def test_the_report_holds_each_source_out(capsys: pytest.CaptureFixture[str]) -> None:
    own = [Labelled(each.text, each.is_complex, "en" if at % 2 else "de") for at, each in enumerate(TOY)]
    report(WORDS, own, {"other": TOY, HELD_OUT: TOY[:9]})
    rows = [line.split(" | ")[0].removeprefix("| ") for line in capsys.readouterr().out.splitlines()]
    assert rows == [
        "held out",
        "|---|---:|---:|---:|---:|",
        "hand-labelled",
        "other",
        HELD_OUT,
        "hand-labelled, de",
        "hand-labelled, en",
    ]


def test_the_page_has_the_whole_table() -> None:
    page = (Path(__file__).parents[4] / "docs" / "strategies.md").read_text(encoding="utf-8")
    for source in ("hand-labelled", "arena-hard", "NotInject", "BIPIA", HELD_OUT, "hand-labelled, pt"):
        assert f"| {source} | " in page
