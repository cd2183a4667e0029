"""What is known about the accuracy of the Guard, and which bars it is held to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean

from benchmarks.guard.benign import CHARACTERS_PER_MB, CODE_FILE, BenignFile
from benchmarks.guard.identifier_table import TABLE
from benchmarks.guard.secrets_forms import PREFIXED
from gateway_ext.guard.catalog import DETECTORS, SECRET

WITHOUT_CHECK_DIGIT = frozenset({"gb_nino", "mt_identity_card"})
CHECKED = frozenset({*TABLE, "vat_number", "iban", "payment_card", "de_kvnr", "document_mrz"}) - WITHOUT_CHECK_DIGIT
BLOCKING_GRADE = CHECKED | PREFIXED.keys() | {"private_key"}
"""Detectors whose findings a checksum or a distinctive prefix proves, so that policy may block on them."""

EXACT_BAR, PHONE_BAR, FAMILY_RECALL_BAR = 0.99, 0.95, 0.9
LANGUAGE_BELOW_MEAN_MAX = 0.03
FALSE_BLOCKING_PER_MB_MAX, FALSE_SECRETS_PER_MB_MAX = 1.0, 2.0


@dataclass(frozen=True, slots=True)
class Row:
    """Of `values`, `found` were found; `false` findings beside them."""

    name: str
    values: int
    found: int
    false: int
    recall: float
    precision: float


@dataclass(frozen=True, slots=True)
class Accuracy:
    """`--json` prints these names. Empty where nothing was measured: without the published sets, or with `--quick`.

    `held_out`: detectors on sentences that none was mended on; `distant`: where words are too far away. `strays`: findings
    in the sentences of detectors for which there are no values in them. `disguises`: rows of evasion.py. `injection`:
    what injection.py prints.
    """

    day: str
    seed: int
    versions: Mapping[str, str]
    sentences: int
    detectors: tuple[Row, ...]
    held_out: tuple[Row, ...]
    distant: tuple[Row, ...]
    strays: Mapping[str, int]
    languages: tuple[Row, ...]
    families: tuple[Row, ...]
    near_misses: int
    near_misses_found: int
    splits: Mapping[str, Row] = field(default_factory=dict)
    disguises: Sequence[Mapping[str, object]] = ()
    benign: tuple[BenignFile, ...] = ()
    injection: str = ""

    def missed(self) -> list[Row]:
        """The rows of detectors, languages, families and cuts that are below their bars."""
        exact = [row for row in self.detectors if min(row.recall, row.precision) < bar(row.name)]
        lowest = mean(row.recall for row in self.languages) - LANGUAGE_BELOW_MEAN_MAX
        lowest_precision = mean(row.precision for row in self.languages) - LANGUAGE_BELOW_MEAN_MAX
        languages = [row for row in self.languages if row.recall < lowest or row.precision < lowest_precision]
        families = [row for row in self.families if row.recall < FAMILY_RECALL_BAR]
        return [*exact, *languages, *families, *(row for row in self.splits.values() if row.found < row.values)]

    def false_blocking_per_mb(self) -> float:
        """On all benign sets together."""
        false = sum(count for file in self.benign for name, count in file.false.items() if name in BLOCKING_GRADE)
        return false / self.benign_megabytes()

    def false_secrets_per_mb(self) -> float:
        """On real code, high-entropy detectors apart."""
        code = next(file for file in self.benign if file.name == CODE_FILE)
        false = sum(count for name, count in code.false.items() if is_proven_secret(name))
        return false / (code.characters / CHARACTERS_PER_MB)

    def benign_megabytes(self) -> float:
        return sum(file.characters for file in self.benign) / CHARACTERS_PER_MB


def bar(detector: str) -> float:
    """What recall and precision of a detector must reach; 0 if nothing but context proves its values."""
    if detector == "phone":
        return PHONE_BAR
    return EXACT_BAR if detector in CHECKED or detector == "email" else 0.0


def is_proven_secret(detector: str) -> bool:
    return DETECTORS.get(detector) == SECRET and not detector.startswith("high_entropy")
