"""A report as people read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway_ext.budget.reports.chart import Bar
from gateway_ext.budget.reports.report import Line, Section, share_millionths
from gateway_ext.budget.reports.usage import TOKENS, Dimension, total
from gateway_ext.cli.prices_shown import percent
from gateway_ext.cli.table import table
from gateway_ext.limits import NANO

NONE = "(none)"
_ALWAYS = {"input_tokens": "INPUT", "output_tokens": "OUTPUT", "cached_input_tokens": "CACHED"}
_BARS_MAX = 20


def section_table(section: Section, by: Sequence[Dimension]) -> str:
    """A line for each group, subtotals before what they consist of, the total last."""
    kinds = [name for name in TOKENS if name in _ALWAYS or getattr(section.total.figures, name)]
    columns = [
        *(dimension.replace("_", " ").upper() for dimension in by),
        "REQUESTS",
        *(_ALWAYS.get(name, name.removesuffix("_tokens").replace("_", " ").upper()) for name in kinds),
        section.currency,
        "AVERAGE",
        "SHARE",
        "CHANGE",
        "ESTIMATED",
    ]
    rows = [_cells(line, section, len(by), kinds) for line in section.lines]
    names = ["TOTAL", *[""] * (len(by) - 1)] if by else []
    rows.append([*names, *_cells(section.total, section, len(by), kinds)[len(by) :]])
    return table(columns, rows, numbers=len(columns) - len(by))


def notes(section: Section) -> Iterator[str]:
    """What the table does not show."""
    figures = section.total.figures
    if figures.estimated_requests:
        yield (
            f"Estimated: {requests_of(figures.estimated_requests)}, {money(figures.estimated_nano)} {section.currency}; of that"
            f" {money(figures.recovered_nano)} recovered (nobody told their end: the most they can have cost)."
        )
    if figures.open_requests or figures.held_nano:
        yield f"Under way: {requests_of(figures.open_requests)}, {money(figures.held_nano)} {section.currency} held."
    if figures.free_requests:
        yield f"Not charged: {requests_of(figures.free_requests)} that never reached a model or failed there."


def bars(section: Section) -> tuple[list[Bar], str]:
    """The first dimension's values, dearest first, and what is said of those that there is no room for."""
    lines = [line for line in section.lines if len(line.values) == 1]
    shown = [line for line in lines if not line.is_rest][:_BARS_MAX]
    rest = [line for line in lines if line not in shown]
    figures = total(line.figures for line in rest)
    names = sum(line.names for line in rest)
    others = f"{names:,} others: {money(figures.cost_nano, 2)} {section.currency}" if rest else ""
    return [_bar(line) for line in shown], others


def money(amount_nano: int, decimals: int = 6) -> str:
    """Units with thousands, the last decimal rounded half up."""
    parts = NANO // 10**decimals
    whole, fraction = divmod((2 * abs(amount_nano) + parts) // (2 * parts), 10**decimals)
    return f"{'-' if amount_nano < 0 else ''}{whole:,}.{fraction:0{decimals}d}"


def requests_of(count: int) -> str:
    """`1 request`, `2 requests`."""
    return f"{count:,} request{'' if count == 1 else 's'}"


def _cells(line: Line, section: Section, depth: int, kinds: Sequence[str]) -> list[str]:
    """A line under a subtotal leaves out what that says already."""
    figures = line.figures
    names = [""] * (len(line.values) - 1) + [_name(value) for value in line.values[-1:]]
    share = share_millionths(figures.cost_nano, section.total.figures.cost_nano)
    return [
        *names,
        *[""] * (depth - len(names)),
        f"{figures.requests:,}",
        *(f"{getattr(figures, name):,}" for name in kinds),
        money(figures.cost_nano),
        money(figures.average_nano),
        f"{share / 10_000:.1f} %",
        percent(line.before_nano, figures.cost_nano),
        money(figures.estimated_nano) if figures.estimated_nano else "",
    ]


def _name(value: str) -> str:
    return value or NONE


def _bar(line: Line) -> Bar:
    figures = line.figures
    return Bar(_name(line.values[0]), money(figures.cost_nano, 2), figures.cost_nano, figures.estimated_nano)
