"""The form of a provider's credentials as a row of a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


@dataclass(frozen=True, slots=True)
class Family:
    """One form of credential. Rows of the same `name` make up one detector.

    `pattern` is the source of a regular expression on one line, without look-around. The secret is the group `secret`
    where there is one, else the whole match; what must look random is the group `body`, else the secret.
    `keyword`: for forms that other things have, too, a word (any case) that must stand shortly before.
    `is_fixed`: prefix and length prove it without white space around, so it is also searched in compact readings.
    `may_be_example`: found even where its body is no more random than that of the examples in documentation.
    """

    name: str
    pattern: str
    keyword: str = ""
    entropy_min_bits: float = 0.0  # Shannon's, per character of the body
    checksum: Callable[[str], bool] | None = None  # of the secret; a wrong one lowers confidence
    is_fixed: bool = False
    may_be_example: bool = False
