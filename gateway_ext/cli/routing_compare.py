"""`gateway-ext routing compare`: the deployments of a model side by side, and whether a canary may get more traffic."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gateway_ext.budget.reports.chart import Bar, svg
from gateway_ext.cli import guard_arguments, moments
from gateway_ext.cli.budget_report_text import money, requests_of
from gateway_ext.cli.pictures import write_picture
from gateway_ext.cli.progress import Progress
from gateway_ext.cli.routing_comparison import Comparison, Judgement, Tally, Verdict, compared, judged, percentile
from gateway_ext.cli.routing_trail import exchanges_of, records_in
from gateway_ext.cli.table import table
from gateway_ext.cli.trail_events import bytes_to_read
from gateway_ext.errors import ConfigurationError
from gateway_ext.limits import NANO
from gateway_ext.settings import load_settings

MARGIN_PERCENT = 1.0

_COLUMNS = (
    *("DEPLOYMENT", "REQUESTS", "P50", "P95", "FIRST BYTE P95", "COST/REQUEST", "COST/1K TOKENS"),
    *("ERRORS", "REFUSED", "WITHHELD", "FINDINGS/100"),
)
_NUMBERS = len(_COLUMNS) - 1


def register(commands: Any) -> None:
    """Add the command to those of `routing`."""
    compare = commands.add_parser(
        "compare",
        help="set the deployments of a model side by side: latency, cost, errors, refusals, findings",
        description="Reads the audit trail: requests of MODEL by the deployment that was first in line. Says of each whether "
        "it may get more traffic. Exit code 1 when one should get less.",
    )
    compare.add_argument("model", metavar="MODEL", help="a model of models.yaml")
    compare.add_argument("--since", type=moments.since, default=0, help="an age (7d, 12h) or a date (UTC)")
    compare.add_argument("--baseline", default="", metavar="DEPLOYMENT", help="what to compare with (the busiest)")
    compare.add_argument(
        "--only", action="append", default=[], metavar="DEPLOYMENT", help="compare this one; again for more"
    )
    compare.add_argument(
        "--margin-percent",
        type=_margin,
        default=MARGIN_PERCENT,
        metavar="P",
        help="by how many points rates of errors may be higher (1)",
    )
    compare.add_argument(
        "--sink", type=Path, action="append", default=[], metavar="FILE", help="also read this file of OTLP logs"
    )
    compare.add_argument("--json", action="store_true", help="print JSON; amounts are integers in nano-units")
    compare.add_argument("--chart", type=Path, metavar="FILE", help="draw it, too: FILE.svg or FILE.png")
    guard_arguments.add_state(compare, with_policies=False)
    compare.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the comparison. Raises ConfigurationError when there is no readable trail, or nothing about the model in it."""
    layout = load_settings(options.settings, state_dir=options.state).layout
    if not layout.spool.is_dir() and not options.sink:
        raise ConfigurationError(f"{layout.spool}: there is no spool; give --state, or --sink FILE")
    try:
        with Progress("reading the trail", 2 * bytes_to_read(layout, options.sink, options.since)) as progress:
            found = exchanges_of(
                options.model, options.since, lambda: records_in(layout, options.sink, options.since, progress.advance)
            )
    except OSError as error:
        raise ConfigurationError(f"{error.filename}: cannot be read ({error.strerror})") from error
    known = {cluster for exchange in found for cluster in exchange.clusters}
    for name in filter(None, (options.baseline, *options.only)):
        if name not in known:
            raise ConfigurationError(f"no request of '{options.model}' in the trail may have gone to '{name}'")
    comparison = compared(found, options.baseline, options.only)
    baseline = next(iter(comparison.tallies.values()), Tally())
    judgements = {
        name: judged(tally, baseline, options.margin_percent / 100)
        for name, tally in list(comparison.tallies.items())[1:]
    }
    if options.chart:
        write_picture(options.chart, svg(f"{options.model}: time until the answer, 95th percentile", _bars(comparison)))
    if options.json:
        print(json.dumps(_document(options.model, comparison, judgements), indent=2))
    else:
        print("\n".join(_text(options.model, comparison, judgements)))
    return int(any(each.verdict is Verdict.GO_BACK for each in judgements.values()))


def _text(model: str, comparison: Comparison, judgements: Mapping[str, Judgement]) -> list[str]:
    if not comparison.tallies:
        return [f"There are no requests of '{model}' in this part of the trail."]
    lines = [table(_COLUMNS, [_cells(*each) for each in comparison.tallies.items()], numbers=_NUMBERS), ""]
    lines += [f"Costs are in {comparison.currency}."] if comparison.currency else []
    if comparison.not_comparable:
        lines.append(f"Not compared: {requests_of(comparison.not_comparable)} that not all of these may have served.")
    if comparison.unended:
        lines.append(f"Not compared: {requests_of(comparison.unended)} without an outcome in the trail.")
    if not judgements:
        lines.append("Nothing else to compare it with.")
    for name, judgement in judgements.items():
        reasons = f": {'; '.join(judgement.reasons)}" if judgement.reasons else ""
        lines.append(f"{name}: {judgement.verdict}{reasons}")
    return lines


def _cells(name: str, tally: Tally) -> Sequence[str]:
    return (
        name,
        f"{tally.requests:,}",
        *(_seconds(percentile(tally.durations_ns, percent)) for percent in (50, 95)),
        _seconds(percentile(tally.first_bytes_ns, 95)),
        money(_average(tally.cost_nano, tally.requests)),
        money(_average(1_000 * tally.cost_nano, tally.tokens)),
        *(_share(count, tally.requests) for count in (tally.errors, tally.refused, tally.withheld)),
        f"{100 * tally.findings / tally.requests:.1f}" if tally.requests else "",
    )


def _document(model: str, comparison: Comparison, judgements: Mapping[str, Judgement]) -> dict[str, Any]:
    return {
        "model": model,
        "currency": comparison.currency,
        "not_comparable": comparison.not_comparable,
        "unended": comparison.unended,
        "deployments": [
            {
                "deployment": name,
                "is_baseline": name not in judgements,
                "requests": tally.requests,
                "answers": len(tally.durations_ns),
                "duration_p50_ns": percentile(tally.durations_ns, 50),
                "duration_p95_ns": percentile(tally.durations_ns, 95),
                "first_byte_p95_ns": percentile(tally.first_bytes_ns, 95),
                "cost_nano": tally.cost_nano,
                "cost_per_request_nano": _average(tally.cost_nano, tally.requests),
                "cost_per_1000_tokens_nano": _average(1_000 * tally.cost_nano, tally.tokens),
                "tokens": tally.tokens,
                "errors": tally.errors,
                "refused": tally.refused,
                "withheld": tally.withheld,
                "findings": tally.findings,
                "verdict": judgements[name].verdict if name in judgements else None,
                "reasons": list(judgements[name].reasons) if name in judgements else [],
            }
            for name, tally in comparison.tallies.items()
        ],
    }


def _bars(comparison: Comparison) -> list[Bar]:
    return [
        Bar(
            name,
            f"{_seconds(percentile(tally.durations_ns, 95))}, {_share(tally.errors, tally.requests)} errors",
            percentile(tally.durations_ns, 95),
        )
        for name, tally in comparison.tallies.items()
    ]


def _average(total: int, count: int) -> int:
    return total // count if count else 0


def _seconds(nanoseconds: int) -> str:
    return f"{nanoseconds / NANO:.2f} s"


def _share(count: int, of: int) -> str:
    return f"{100 * count / of:.2f} %" if of else ""


def _margin(text: str) -> float:
    try:
        margin = float(text)
    except ValueError:
        margin = -1.0
    if not 0 < margin <= 100:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of percent above 0")
    return margin
