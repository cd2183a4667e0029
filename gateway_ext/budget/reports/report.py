"""Sums → a report: lines in order, subtotals, the dearest apart from the rest, and what changed. Pure; integers only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gateway_ext.budget.reports.usage import Dimension, Figures, Group, total

OTHERS = "(others)"
_PARTS = 1_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """Of a group: its figures, and its cost in the period before. A subtotal has fewer values than there are dimensions,
    the total of a currency has none. `names` is how many stand behind its last value (the rest: several)."""

    values: tuple[str, ...]
    figures: Figures
    before_nano: int
    names: int = 1
    is_rest: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """What was charged in one currency: dearest first, each line of a first dimension followed by those below it."""

    currency: str
    lines: tuple[Line, ...]
    total: Line


def sections(
    by: Sequence[Dimension], now: Mapping[Group, Figures], before: Mapping[Group, Figures], top: int
) -> list[Section]:
    """A section for each currency, by its code. `top`: lines of a level before the rest is added up; 0: all."""
    found = []
    for currency in sorted({group.currency for group in [*now, *before]}):
        leaves = [
            _Leaf(group.values, now.get(group, Figures()), before.get(group, Figures()).cost_nano)
            for group in sorted(now.keys() | before.keys(), key=lambda group: group.values)
            if group.currency == currency
        ]
        lines = tuple(_lines((), leaves, len(by), top)) if by else ()
        found.append(Section(currency, lines, _sum((), leaves)))
    return found


def share_millionths(part_nano: int, whole_nano: int) -> int:
    """Parts of a million, rounded half up."""
    return (2 * part_nano * _PARTS + whole_nano) // (2 * whole_nano) if whole_nano else 0


@dataclass(frozen=True, slots=True)
class _Leaf:
    values: tuple[str, ...]
    figures: Figures
    before_nano: int


def _lines(prefix: tuple[str, ...], leaves: Sequence[_Leaf], depth: int, top: int) -> Iterable[Line]:
    """Those below `prefix`: of each value its (sub)total, then what it consists of."""
    level = len(prefix)
    below: dict[str, list[_Leaf]] = {}
    for leaf in leaves:
        below.setdefault(leaf.values[level], []).append(leaf)
    costs = {value: sum(leaf.figures.cost_nano for leaf in group) for value, group in below.items()}
    ordered = sorted(below, key=lambda value: (-costs[value], value))
    shown, rest = (ordered[:top], ordered[top:]) if top else (ordered, [])
    for value in shown:
        yield _sum((*prefix, value), below[value])
        if level + 1 < depth:
            yield from _lines((*prefix, value), below[value], depth, top)
    if rest:
        yield _sum((*prefix, OTHERS), [leaf for value in rest for leaf in below[value]], names=len(rest))


def _sum(values: tuple[str, ...], leaves: Sequence[_Leaf], *, names: int = 0) -> Line:
    figures = total(leaf.figures for leaf in leaves)
    return Line(values, figures, sum(leaf.before_nano for leaf in leaves), names or 1, names > 0)
