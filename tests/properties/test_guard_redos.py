"""No text may cost more than a multiple of its length, whatever stands in it.

Times are CPU times, compared with one another in the same run. `GUARD_HOSTILE=1` tries every pattern of every detector.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import pytest

from gateway_ext.guard.catalog import DETECTORS
from gateway_ext.guard.detector import Classifier, Detector, TooManyCandidates
from gateway_ext.guard.engine import shipped_classifiers, shipped_detectors
from gateway_ext.guard.fingerprint import Fingerprints
from gateway_ext.guard.passages import BLOCK, REACH, SNAP
from gateway_ext.guard.scanner import Scanner
from gateway_ext.guard.views.view import View, views
from tests.properties.hostile_texts import RUNS, hostile_texts

PASSAGE_CHARACTERS = BLOCK + 2 * (REACH + SNAP)
PATTERNS_TRIED = 100_000 if os.environ.get("GUARD_HOSTILE") else 2
GROWTH = 4
# A quadratic algorithm takes GROWTH times longer for a character, a linear one as long; half-way lies the limit.
EXCESS_MAX = 2.5
SECONDS_MIN = 0.01  # below, the clock tells more than the algorithm

EVERY_DETECTOR = shipped_detectors()


@pytest.fixture(scope="module")
def scanner() -> Scanner:
    return Scanner(EVERY_DETECTOR, Fingerprints(b"a key for property tests"))


def seconds(action: Callable[[], object]) -> float:
    started = time.process_time()
    with suppress(TooManyCandidates):
        action()
    return time.process_time() - started


def is_linear(action: Callable[[int], object], characters: int) -> bool:
    """Whether `action` on `characters` takes about as long for each as on a part of them; noise gets three tries."""
    for _ in range(3):
        whole = seconds(lambda: action(characters))
        if whole < SECONDS_MIN:
            return True
        if whole < EXCESS_MAX * GROWTH * seconds(lambda: action(characters // GROWTH)):
            return True
    return False


def confirm(detector: Detector, text: str, end: int) -> None:
    deque(detector.confirm(text[:end], 0, end), maxlen=0)


def confirm_first(detector: Detector, text: str) -> None:
    deque(detector.confirm(text, 0, 256), maxlen=0)


def read(scanner: Scanner, text: str, end: int) -> None:
    for view in views(text[:end]):
        scanner.hits(view)


def classify(scanner: Scanner, classifiers: Sequence[Classifier], text: str, end: int) -> None:
    scanner.classified(classifiers, [text[:end]])


@pytest.mark.parametrize("detector", EVERY_DETECTOR, ids=lambda detector: detector.name)
def test_confirming_a_passage_is_linear(detector: Detector) -> None:
    for text in dict.fromkeys(hostile_texts(tuple(detector.patterns[:PATTERNS_TRIED]), PASSAGE_CHARACTERS)):
        assert is_linear(partial(confirm, detector, text), len(text)), text[:60]


@pytest.mark.parametrize("detector", EVERY_DETECTOR, ids=lambda detector: detector.name)
def test_confirming_a_passage_reads_no_more_than_its_surroundings(detector: Detector) -> None:
    for line in dict.fromkeys(hostile_texts(tuple(detector.patterns[:1]), 256)):
        for joint in ("\n", " "):
            text = (line + joint) * 1000
            near = text[: 8 * PASSAGE_CHARACTERS]
            for _ in range(3):
                far = seconds(partial(confirm_first, detector, text))
                if far < SECONDS_MIN or far < 4 * seconds(partial(confirm_first, detector, near)):
                    break
            else:
                pytest.fail(f"{line[:60]!r} costs more the more there is behind it")


@pytest.mark.parametrize("run", [*RUNS, "a\u200b", "e\u0301", "ﬁ", "４", "%41", "QUJD", "i g n o r e ", "\U000e0041"])
@pytest.mark.parametrize("line_characters", [100, 1_000_000])
def test_reading_what_is_in_disguise_is_linear(scanner: Scanner, run: str, line_characters: int) -> None:
    line = (run * line_characters)[: min(line_characters, 64 * 1024)] + "\n"
    text = (line * (64 * 1024 // len(line) + 1))[: 64 * 1024]
    assert is_linear(partial(read, scanner, text), len(text))


@pytest.mark.parametrize("run", [*RUNS, "whereas the parties governing law confidentiality ", "ﬁ"])
def test_classifiers_are_linear(scanner: Scanner, run: str) -> None:
    text = (run * 128 * 1024)[: 128 * 1024]
    for classifier in shipped_classifiers(frozenset(DETECTORS)):
        assert is_linear(partial(classify, scanner, [classifier], text), len(text))


def test_detectors_are_asked_once_for_each_passage(scanner: Scanner) -> None:
    unit = "tel 06 12 34 56 78, a@b.de, DE89 3704 0044 0532 0130 00 "
    for text in ((unit * 5000)[: 200 * 1024], (f"{unit}\n" * 5000)[: 200 * 1024]):
        every = [kind.name for kind in scanner.kinds]
        kinds = [kind.name for kind in scanner.steps(text, scanner.hits(View(text)), every, [])]
        passages = len(text) // BLOCK + text.count("\n") + 1
        readings = sum(1 for _ in views(text))
        assert max(kinds.count(name) for name in set(kinds)) <= passages * readings
