"""What an enforced kind of value makes us hold back, by its detector's name.

Always: an unfinished word, and a run of groups (digits, single characters, pieces of a key), for in some reading of
the text any value may look like that. Detectors not named here hold no more than those that are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from gateway_ext.guard.catalog import DETECTORS, PERSONAL, SECRET
from gateway_ext.guard.stream import openings
from gateway_ext.guard.stream.openings import Opening, Phrases

_PHRASE_CHARACTERS = 240
_PERSON_NAME = "person_name"
_WORDS = ("canary",)  # of other classes, yet each value is one word
_BEHIND_CHARACTERS = 24  # in which a word behind a number is looked for
_NATIONAL = re.compile("[a-z]{2}_")

_OPENINGS: Mapping[str, tuple[Opening | Phrases, ...]] = {
    "private_key": (openings.PRIVATE_KEY,),
    "connection_string": (openings.CONNECTION,),
    "kubernetes_secret": (openings.KUBERNETES_SECRET,),
    "date_of_birth": (openings.DAY_FIRST, openings.MONTH_FIRST),
}


@dataclass(frozen=True, slots=True)
class Holding:
    """`is_quoted`: quoted values of several words; `behind_characters`: how far what is behind a number decides;
    `is_address`: postal addresses; `phrases`: values of several words that a word begins; `phrase_characters`: such
    that may begin anywhere."""

    is_quoted: bool = False
    behind_characters: int = 0
    is_address: bool = False
    openings: tuple[Opening | Phrases, ...] = ()
    phrases: tuple[Phrases, ...] = ()
    phrase_characters: int = 0

    @staticmethod
    def of(names: Collection[str], phrases: Sequence[Phrases] = ()) -> Holding:
        """For detectors of these names. Those unknown to the catalogue, such as dictionaries, and those of the other
        classes may find any phrase, unless `phrases` say which."""
        classes = {DETECTORS.get(name) for name in names if name not in _WORDS}
        found = dict.fromkeys(opening for name in sorted(names) for opening in _OPENINGS.get(name, ()))
        has_phrases = _PERSON_NAME in names or (bool(classes - {PERSONAL, SECRET}) and not phrases)
        return Holding(
            is_quoted=classes != {PERSONAL},
            behind_characters=_BEHIND_CHARACTERS if any(map(_NATIONAL.match, names)) else 0,
            is_address="postal_address" in names,
            openings=tuple(found),
            phrases=tuple(phrases),
            phrase_characters=_PHRASE_CHARACTERS if has_phrases else 0,
        )


EVERYTHING = replace(Holding.of(tuple(DETECTORS.keys() - {_PERSON_NAME})), phrase_characters=0)
