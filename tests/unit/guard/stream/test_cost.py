"""What enforcement costs on ordinary answers: how much is held back, and how often the detectors read the same text."""

from __future__ import annotations

import inspect
import re
import statistics
from collections.abc import Sequence

import pytest

from gateway_ext.guard.cache import Match
from gateway_ext.guard.catalog import DETECTORS, PERSONAL, SECRET
from gateway_ext.guard.personal.names import PERSON_NAME
from gateway_ext.guard.rules import Action
from gateway_ext.guard.stream import addresses
from gateway_ext.guard.stream.changes import Decision
from gateway_ext.guard.stream.holding import Holding
from gateway_ext.guard.stream.text import StreamedText

CATALOGUE = {name: data_class for name, data_class in DETECTORS.items() if name != PERSON_NAME}  # that needs a model
ENFORCED = Holding.of([name for name, data_class in CATALOGUE.items() if data_class in {PERSONAL, SECRET}])
ENGLISH = """The city council decided on Monday to expand public transport considerably over the coming years. According
to the mayor, the main aim is to improve connections to the outskirts, where many people depend on their cars. The cost
is estimated at about 40 million euros, half of which the state will pay; "it's not enough", critics say.

"""
FRENCH = """Le conseil municipal a décidé lundi de développer fortement les transports publics au cours des prochaines
années. Selon la maire, il s'agit surtout de mieux desservir les quartiers périphériques, où beaucoup d'habitants
dépendent de leur voiture. Le coût est estimé à environ 40 millions d'euros, dont la région prendrait la moitié.

"""
GERMAN = """Die Stadtverwaltung hat am Montag beschlossen, den öffentlichen Nahverkehr in den kommenden Jahren deutlich
auszubauen. Nach Angaben der Bürgermeisterin sollen vor allem die Außenbezirke besser angebunden werden. Die Kosten
werden auf rund 40 Millionen Euro geschätzt, von denen das Land etwa die Hälfte übernimmt.

"""
CODE = inspect.getsource(addresses)
TEXTS = {"en": ENGLISH * 40, "fr": FRENCH * 40, "de": GERMAN * 40, "code": CODE * 3}


def tokens(text: str) -> list[str]:
    return [token for word in re.findall(r"\s?\w+|\s+|\W", text) for token in re.findall(r"(?s).{1,5}", word)]


class Counter:
    """A `find` that finds nothing, and counts what it reads."""

    def __init__(self) -> None:
        self.characters = 0

    def __call__(self, text: str) -> Sequence[Match]:
        self.characters += len(text)
        return ()


def redact(_match: Match) -> Decision:
    return Decision(Action.REDACT)


@pytest.mark.parametrize(
    ("language", "median", "p99"), [("en", 10, 60), ("fr", 10, 60), ("de", 24, 60), ("code", 20, 150)]
)
def test_about_a_word_is_held_back(language: str, median: int, p99: int) -> None:
    stream = StreamedText(Counter(), redact, ENFORCED)
    held = []
    fed = 0
    for token in tokens(TEXTS[language]):
        stream.feed(token)
        fed += len(token)
        held.append(fed - stream.settled)
    assert statistics.median(held) <= median
    assert sorted(held)[len(held) * 99 // 100] <= p99


@pytest.mark.parametrize("language", sorted(TEXTS))
def test_detectors_read_a_text_a_few_times(language: str) -> None:
    text = TEXTS[language]
    find = Counter()
    stream = StreamedText(find, redact, ENFORCED)
    for token in tokens(text):
        stream.feed(token)
    stream.finish()
    assert stream.settled == len(text)
    assert find.characters <= 8 * len(text)


def test_long_phrases_are_let_go_of_in_steps() -> None:
    text = ENGLISH * 20
    find = Counter()
    stream = StreamedText(find, redact, Holding.of(list(CATALOGUE)))
    for token in tokens(text):
        stream.feed(token)
    stream.finish()
    assert find.characters <= 8 * len(text)


def test_what_is_only_noted_is_read_about_once() -> None:
    find = Counter()
    stream = StreamedText(find, lambda _match: Decision(Action.LOG), None)
    for token in tokens(ENGLISH * 40):
        stream.feed(token)
    stream.finish()
    assert find.characters <= 2.5 * len(ENGLISH * 40)


def test_where_nothing_is_looked_for_all_is_settled_at_once() -> None:
    stream = StreamedText(None, redact, None)
    fed = 0
    for token in tokens(ENGLISH):
        stream.feed(token)
        fed += len(token)
        assert stream.settled == fed
    stream.finish()
    assert stream.take_matches() == []
    assert stream.take_edits() == []
