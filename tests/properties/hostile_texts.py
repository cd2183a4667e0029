"""Texts made to cost a detector as much as can be: what its patterns match, over and over, and what nearly does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from re import _constants as sre  # type: ignore[attr-defined]  # the standard library's parser has no public name
from re import _parser as sre_parser  # type: ignore[attr-defined]
from typing import Any

from gateway_ext.guard.lazy_pattern import Pattern

RUNS: tuple[str, ...] = (
    *"1aAé\t-.='\"<([/+@:,_\\ ",
    *("1 ", "a ", "A1", "a.", "1-", "1.", "a@", "a=", "a:", "='", "{'", "a-a.", "Ab1/", "0x", "eyJ", "a1b2c3d4e5f6"),
)

_CATEGORIES: dict[object, str] = {
    sre.CATEGORY_DIGIT: "7",
    sre.CATEGORY_SPACE: " ",
    sre.CATEGORY_WORD: "w",
    sre.CATEGORY_NOT_DIGIT: "x",
    sre.CATEGORY_NOT_SPACE: "x",
    sre.CATEGORY_NOT_WORD: "-",
}


def hostile_texts(patterns: tuple[Pattern, ...], characters: int) -> Iterator[str]:
    """Texts of one line, `characters` long."""
    for run in RUNS:
        yield (run * characters)[:characters]
    for pattern in patterns:
        sample = _sample(sre_parser.parse(pattern.pattern, pattern.flags & re.VERBOSE)).replace("\n", " ")
        for unit in (
            sample,
            sample + " ",
            sample[:-1],
            sample + sample[-1:] * 20,
            f"{sample} 1",
            f"'{sample}'=",
            "1 " + sample,
        ):
            if unit:
                yield (unit * (characters // len(unit) + 1))[:characters]
        yield sample + ("1 " * characters)[: max(0, characters - len(sample))]


def _sample(items: Any) -> str:
    """A short string that the parsed pattern matches, but for its look-around."""
    return "".join(_sample_of(operation, argument) for operation, argument in items)


def _sample_of(operation: Any, argument: Any) -> str:
    if operation is sre.LITERAL:
        return chr(argument)
    if operation is sre.NOT_LITERAL:
        return "x" if argument != ord("x") else "y"
    if operation is sre.IN:
        return _member(argument)
    if operation is sre.ANY:
        return "x"
    if operation is sre.BRANCH:
        return _sample(argument[1][0])
    if operation is sre.SUBPATTERN:
        return _sample(argument[3])
    if operation is sre.ATOMIC_GROUP:
        return _sample(argument)
    if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        low, high, repeated = argument
        return _sample(repeated) * int(min(high, max(low, 1)))
    return ""


def _member(members: Any) -> str:
    if members[0][0] is sre.NEGATE:
        excluded = re.compile(f"[{''.join(_class(member) for member in members[1:])}]")
        return next(str(character) for character in "x7- é=A" if not excluded.match(character))
    operation, argument = members[0]
    if operation is sre.RANGE:
        return chr(int(argument[0]))
    if operation is sre.CATEGORY:
        return _CATEGORIES[argument]
    return chr(argument)


def _class(member: Any) -> str:
    operation, argument = member
    if operation is sre.RANGE:
        return f"{re.escape(chr(argument[0]))}-{re.escape(chr(argument[1]))}"
    if operation is sre.CATEGORY:
        return {"7": r"\d", " ": r"\s", "w": r"\w", "x": r"\D", "-": r"\W"}[_CATEGORIES[argument]]
    return re.escape(chr(argument))
