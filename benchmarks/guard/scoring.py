"""Precision and recall on the European set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from stdnum import iban, luhn

from benchmarks.guard import identifiers
from benchmarks.guard.european_set import Sample
from benchmarks.guard.identifier_table import TABLE
from gateway_ext.guard.cache import Match

Find = Callable[[str], Sequence[Match]]


@dataclass(slots=True)
class Score:
    """Counts for one detector or one language. `missed` and `false_texts` are for whoever mends a detector."""

    found: int = 0
    values: int = 0
    false: int = 0
    missed: list[Sample] = field(default_factory=list, repr=False)
    false_samples: list[tuple[Sample, Match]] = field(default_factory=list, repr=False)

    @property
    def recall(self) -> float:
        return self.found / self.values if self.values else 1.0

    @property
    def precision(self) -> float:
        return self.found / (self.found + self.false) if self.found + self.false else 1.0


@dataclass(frozen=True, slots=True)
class Scores:
    by_detector: Mapping[str, Score]
    by_language: Mapping[str, Score]


def score(find: Find, samples: Iterable[Sample]) -> Scores:
    """A value counts as found if a finding of its kind covers all of it.

    Any finding elsewhere is false, whatever its kind; one within a value that is a valid number of that kind, too, is
    neither right nor false. So it is with a number that is invalid as what it is called.
    """
    by_detector: dict[str, Score] = {}
    by_language: dict[str, Score] = {}
    for sample in samples:
        matches = find(sample.text)
        is_found = sample.is_valid and any(covers(match, sample) for match in matches)
        language = by_language.setdefault(sample.language, Score())
        for each in (by_detector.setdefault(sample.kind, Score()), language):
            each.values += sample.is_valid
            each.found += is_found
            if sample.is_valid and not is_found:
                each.missed.append(sample)
        for match in matches:
            if not _is_right(match, sample):
                for each in (by_detector.setdefault(match.kind.name, Score()), language):
                    each.false += 1
                    each.false_samples.append((sample, match))
    return Scores(by_detector, by_language)


def covers(match: Match, sample: Sample) -> bool:
    """Whether `match` is of the sample's kind and holds all its letters and digits."""
    places = [place for place in range(sample.start, sample.end) if sample.text[place].isalnum()]
    return match.kind.name == sample.kind and match.start <= places[0] and places[-1] < match.end


def _is_right(match: Match, sample: Sample) -> bool:
    if match.end <= sample.start or sample.end <= match.start:
        return False
    is_same_kind = match.kind.name == sample.kind
    return sample.is_valid if is_same_kind else is_also(match.kind.name, sample.value)


def is_also(detector: str, written: str) -> bool:
    """Whether a value is valid under the scheme of `detector` as well."""
    number = "".join(character for character in written if character.isalnum()).upper()
    match detector:
        case "iban":
            return bool(iban.is_valid(number, check_country=False))
        case "payment_card":
            return number.isdigit() and 13 <= len(number) <= 19 and bool(luhn.is_valid(number))
        case "vat_number":
            return identifiers.is_vat(number)
        case "se_personnummer" if number.isdigit() and number[-6:-4] > "60":  # samordningsnummer
            return bool(luhn.is_valid(number[-10:]))
        case name if name in TABLE:
            forms = (number, written, number.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))  # behind a country's letters
            return any(_is_valid(name, form) for form in forms)
    return False


def _is_valid(name: str, number: str) -> bool:
    try:
        return bool(TABLE[name].is_valid(number))
    except (ValueError, IndexError):  # not of this length, or letters where the scheme has digits
        return False


def totals(scores: Mapping[str, Score]) -> Counter[str]:
    return Counter(
        {"values": sum(one.values for one in scores.values()), "false": sum(one.false for one in scores.values())}
    )
