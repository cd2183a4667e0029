"""`gateway-ext budget report`: who used what, and what it cost: showback and chargeback."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gateway_ext.budget.reports.chart import svg
from gateway_ext.budget.reports.report import Section, sections, share_millionths
from gateway_ext.budget.reports.usage import Dimension, Figures, Group
from gateway_ext.cli import budget_usage
from gateway_ext.cli.budget_report_text import bars, notes, section_table
from gateway_ext.cli.budget_usage import Asked
from gateway_ext.cli.pictures import write_picture
from gateway_ext.cli.pseudonyms import Pseudonyms
from gateway_ext.clock import SystemClock
from gateway_ext.errors import ConfigurationError
from gateway_ext.settings import load_settings

_NOW_UNIX_NANO = SystemClock().now_unix_nano
_PERSONAL = frozenset({Dimension.USER, Dimension.CREDENTIAL})


def register(commands: Any) -> None:
    """Add the command to those of `budget`."""
    report = commands.add_parser(
        "report",
        help="list what was used and what it cost",
        description="Adds up the ledger's requests: how many, tokens by kind, cost, and what changed against the period "
        "before. A request counts in the period in which it was asked.",
    )
    report.add_argument(
        "--by",
        type=budget_usage.dimensions,
        default=(Dimension.TEAM, Dimension.MODEL),
        metavar="DIMENSION,…",
        help=f"{', '.join(Dimension)} (team,model)",
    )
    budget_usage.add_arguments(report)
    report.add_argument("--top", type=_count, default=0, metavar="N", help="only the N dearest, the others in one line")
    report.add_argument("--pseudonyms", action="store_true", help="users and credentials by keyed fingerprints")
    report.add_argument("--json", action="store_true", help="print JSON; amounts are integers in nano-units")
    report.add_argument("--chart", type=Path, metavar="FILE", help="draw it, too: FILE.svg or FILE.png")
    report.set_defaults(run=run)


def run(options: argparse.Namespace, now_unix_nano: Callable[[], int] = _NOW_UNIX_NANO) -> int:
    """Print the report. Raises ConfigurationError when there is no readable ledger, or for what cannot be asked."""
    asked = budget_usage.asked(options, now_unix_nano())
    hidden = Pseudonyms(load_settings(options.settings, state_dir=options.state)) if options.pseudonyms else None
    with budget_usage.reading(options, "Adding up", passes=2) as (ledger, advance):
        now = ledger.groups(asked.query(options.by), advance)
        before = ledger.groups(asked.query(options.by, asked.before), advance)
    if hidden is not None:
        now, before = (_named(figures, options.by, hidden.of) for figures in (now, before))
    found = sections(options.by, now, before, options.top)
    if options.chart:
        _draw(options.chart, found, asked, options.by)
    print(
        json.dumps(_document(asked, options.by, found), indent=2) if options.json else _text(asked, options.by, found)
    )
    return 0


def _named(
    figures: Mapping[Group, Figures], by: Sequence[Dimension], name: Callable[[str], str]
) -> Mapping[Group, Figures]:
    """With names in place of people. Different ones have different names, so that nothing needs to be added up."""
    return {
        Group(
            group.currency,
            tuple(name(value) if each in _PERSONAL else value for each, value in zip(by, group.values, strict=True)),
        ): each_figures
        for group, each_figures in figures.items()
    }


def _text(asked: Asked, by: Sequence[Dimension], found: Sequence[Section]) -> str:
    narrowed = "".join(f"; {dimension} {' or '.join(values)}" for dimension, values in asked.where)
    title = f"Usage in {asked.period.name} ({asked.timezone}){narrowed}; change against {asked.before.name}"
    if not found:
        return f"{title}\n\nNothing was used."
    parts = [title]
    for section in found:
        parts += ["", section_table(section, by), *notes(section)]
    return "\n".join(parts)


def _document(asked: Asked, by: Sequence[Dimension], found: Sequence[Section]) -> dict[str, Any]:
    return {
        "period": asdict(asked.period),
        "before": asdict(asked.before),
        "timezone": asked.timezone,
        "by": list(by),
        "where": {dimension: list(values) for dimension, values in asked.where},
        "currencies": [
            {
                "currency": section.currency,
                "total": {**asdict(section.total.figures), "before_nano": section.total.before_nano},
                "lines": [
                    {
                        "level": len(line.values),
                        **dict(zip(by, line.values, strict=False)),
                        "is_rest": line.is_rest,
                        **asdict(line.figures),
                        "average_nano": line.figures.average_nano,
                        "share_millionths": share_millionths(line.figures.cost_nano, section.total.figures.cost_nano),
                        "before_nano": line.before_nano,
                    }
                    for line in section.lines
                ],
            }
            for section in found
        ],
    }


def _draw(path: Path, found: Sequence[Section], asked: Asked, by: Sequence[Dimension]) -> None:
    """One picture a currency; where there are several, FILE-EUR.svg and so on."""
    if not by:
        raise ConfigurationError("there is nothing to draw without --by")
    for section in found:
        own = path if len(found) == 1 else path.with_stem(f"{path.stem}-{section.currency}")
        title = f"Cost by {by[0].replace('_', ' ')}, {asked.period.name}, {section.currency}"
        write_picture(own, svg(title, *bars(section)))


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 1")
    return int(text)
