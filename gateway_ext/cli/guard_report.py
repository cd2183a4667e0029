"""`gateway-ext guard report`: how well detectors have done in your own traffic, and which mode they have earned."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway_ext.administration.acts import record_act
from gateway_ext.audit.events import EventName
from gateway_ext.cli import guard_arguments, moments
from gateway_ext.cli.guard_evidence import Tally, hits_since, tallies, values_of
from gateway_ext.cli.guard_values import print_values, value_rows
from gateway_ext.cli.progress import Progress
from gateway_ext.cli.table import table
from gateway_ext.cli.trail_events import bytes_to_read
from gateway_ext.errors import ConfigurationError
from gateway_ext.guard import marks
from gateway_ext.guard.graduation import OFF, suggest
from gateway_ext.guard.policy import GuardPolicy
from gateway_ext.policy.loader import load_policy
from gateway_ext.settings import load_settings

SUMMARY = "hits, precision and the next mode of each detector, from the audit trail"
DESCRIPTION = (
    "Reads the audit trail of this state directory, archive included, and files of the OTLP sink: give what your collector "
    "has kept of other machines with --sink. Precision comes from 'guard mark'."
)
COLUMNS = (
    *("DETECTOR", "CLASS", "MODE", "HITS", "ALLOWED", "VALUES", "CALLERS", "TRUE", "FALSE", "PRECISION", "AT LEAST"),
    *("NEXT", "REASON"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One detector. `--json` prints these names.

    `values` are different fingerprints, of which `marked_true` and `marked_false` were judged; `precision` is the share
    of the true ones, `precision_lower` and `precision_upper` bound it with 95 % confidence. `has_overrides`: for some
    callers or texts policy has another mode.
    """

    detector: str
    data_class: str
    mode: str
    has_overrides: bool
    hits: int
    allowed: int
    values: int
    callers: int
    marked_true: int
    marked_false: int
    precision: float | None
    precision_lower: float
    precision_upper: float
    next_mode: str
    reason: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its options."""
    parser.description = DESCRIPTION
    parser.add_argument("--since", type=moments.since, default=0, help="an age (7d, 12h) or a date (UTC)")
    parser.add_argument(
        "--sink",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="also read this file of OTLP logs (JSON lines)",
    )
    parser.add_argument(
        "--detector", type=guard_arguments.detector, help="list the values of one detector, to be marked"
    )
    parser.add_argument("--all", action="store_true", help="list every value, not only the first unmarked ones")
    parser.add_argument("--json", action="store_true", help="print JSON")
    guard_arguments.add_state(parser, with_policies=True)


def run(options: argparse.Namespace) -> int:
    """Print the report. Raises ConfigurationError when policy, marks or trail cannot be read."""
    settings = load_settings(options.settings, state_dir=options.state, policies_dir=options.policies)
    layout = settings.layout
    if not layout.spool.is_dir() and not options.sink:
        raise ConfigurationError(f"{layout.spool}: there is no spool; give --state, or --sink FILE")
    policy = load_policy(settings.policies_dir).guard
    judged = marks.load(layout.root / marks.FILE_NAME)
    try:
        with Progress("reading the trail", bytes_to_read(layout, options.sink, options.since)) as progress:
            hits = hits_since(layout, options.sink, options.since, progress.advance)
            if options.detector:
                values = value_rows(values_of(hits, options.detector), options.detector, judged)
            else:
                found = tallies(hits)
    except OSError as error:
        raise ConfigurationError(f"{error.filename}: cannot be read ({error.strerror})") from error
    if options.detector:
        if layout.spool.is_dir():
            reason = f"guard report: values of {options.detector}"
            record_act(settings, EventName.AUDIT_SEARCHED, "records", "", reason)
        print_values(values, options.detector, with_all=options.all, is_json=options.json)
    else:
        _print(rows(found, policy, judged), judged, is_json=options.json)
    return 0


def rows(found: Mapping[str, Tally], policy: GuardPolicy, judged: marks.Marks) -> list[Row]:
    """One row per detector that found something, the busiest first."""
    return sorted(
        (_row(detector, tally, policy, judged) for detector, tally in found.items()),
        key=lambda row: (-row.hits, row.detector),
    )


def _row(detector: str, tally: Tally, policy: GuardPolicy, judged: marks.Marks) -> Row:
    rule = policy.request.rule(detector, tally.data_class)
    mode = str(rule.action) if rule.is_enabled else OFF
    evidence = tally.evidence(detector, judged)
    suggestion = suggest(detector, tally.data_class, mode, evidence)
    lower, upper = evidence.bounds
    return Row(
        detector=detector,
        data_class=tally.data_class,
        mode=mode,
        has_overrides=any(detector in one.detectors or tally.data_class in one.classes for one in policy.overrides),
        hits=evidence.hits,
        allowed=tally.allowed,
        values=evidence.values,
        callers=len(tally.callers),
        marked_true=evidence.right,
        marked_false=evidence.wrong,
        precision=evidence.precision,
        precision_lower=round(lower, 4),
        precision_upper=round(upper, 4),
        next_mode=suggestion.mode,
        reason=suggestion.reason,
    )


def _print(shown: Sequence[Row], judged: marks.Marks, *, is_json: bool) -> None:
    if is_json:
        print(json.dumps({"detectors": [asdict(row) for row in shown], "damaged_marks": judged.damaged}, indent=2))
        return
    print(table(COLUMNS, map(_cells, shown)) if shown else "No findings in this part of the trail.")
    if any(row.has_overrides for row in shown):
        print("\n* policy overrides the mode for some callers or texts")
    if judged.damaged:
        print(f"\n{judged.damaged} lines of {marks.FILE_NAME} cannot be read and were left out.")
    for line in _advice(shown):
        print(line)


def _cells(row: Row) -> tuple[str, ...]:
    return (
        *(row.detector, row.data_class, row.mode + ("*" if row.has_overrides else "")),
        *map(str, (row.hits, row.allowed, row.values, row.callers, row.marked_true, row.marked_false)),
        "" if row.precision is None else f"{row.precision:.2f}",
        "" if row.precision is None else f"{row.precision_lower:.2f}",
        "" if row.next_mode == row.mode else row.next_mode,
        row.reason,
    )


def _advice(shown: Sequence[Row]) -> Iterable[str]:
    changes = [row for row in shown if row.next_mode != row.mode]
    if changes:
        yield "\nTo follow the suggestions, write into guard.yaml below 'detectors' (docs/guard.md):"
        yield from (f"  {row.detector}: {{action: {row.next_mode}}}" for row in changes)
    unmarked = [row for row in shown if row.marked_true + row.marked_false < row.values]
    if unmarked:
        yield f"\nTo measure precision: gateway-ext guard report --detector {unmarked[0].detector}"
