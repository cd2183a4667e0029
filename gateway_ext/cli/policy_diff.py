"""`gateway-ext policy diff A B`: for whom, which model and which content another policy decides otherwise."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway_ext.cli.policy_cases import outcome
from gateway_ext.cli.policy_matrix import Asked, all_asked
from gateway_ext.cli.table import table
from gateway_ext.exchange import Endpoint
from gateway_ext.judged import FORWARD, Judgement, judge
from gateway_ext.policy.loader import load_policy
from gateway_ext.policy.snapshot import Snapshot

ROWS_SHOWN_MAX = 50


@dataclass(frozen=True, slots=True)
class Change:
    asked: Asked
    before: Judgement
    after: Judgement


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `diff` to the commands of `policy`."""
    parser = commands.add_parser("diff", help="what another policy would decide otherwise")
    parser.add_argument("before", type=Path, metavar="A", help="policy directory")
    parser.add_argument("after", type=Path, metavar="B", help="policy directory")
    parser.add_argument("--json", action="store_true", help="print one JSON object, with all that changes")
    parser.set_defaults(run=run_diff)


def run_diff(options: argparse.Namespace) -> int:
    """0 when nothing changes, 1 when something does, as diff(1). Raises ConfigurationError."""
    directories = (options.before, options.after)
    before, after = (load_policy(directory) for directory in directories)
    asked = list(all_asked(directories, (before, after)))
    changes = list(_changes(asked, before, after))
    if options.json:
        rows = [_as_json(each) for each in changes]
        digests = {"before": before.digest, "after": after.digest}
        print(json.dumps({**digests, "judged": len(asked), "changes": rows}, indent=2))
    else:
        _print(changes, len(asked))
    return 1 if changes else 0


def _changes(asked: Sequence[Asked], before: Snapshot, after: Snapshot) -> Iterator[Change]:
    for each in asked:
        old, new = judge(each.case, before), judge(each.case, after)
        if (old.outcome, old.code, old.clusters) != (new.outcome, new.code, new.clusters):
            yield Change(each, old, new)


def _print(changes: Sequence[Change], judged: int) -> None:
    rows = _rows(changes)
    if rows:
        print(table(("model", "content", "before", "after", "endpoint", "who"), rows[:ROWS_SHOWN_MAX]))
        print()
    if len(rows) > ROWS_SHOWN_MAX:
        print(f"{len(rows) - ROWS_SHOWN_MAX} further rows; --json has all.")
    counts = ", ".join(f"{count} {kind}" for kind, count in Counter(map(_kind, changes)).items())
    print(f"{judged} requests judged, {len(changes)} decided otherwise{': ' + counts if counts else ''}.")


def _rows(changes: Sequence[Change]) -> list[tuple[str, ...]]:
    """One for what changes alike, whoever asks and at whichever endpoint."""
    alike: dict[tuple[str, ...], list[Asked]] = {}
    for each in changes:
        key = (each.asked.case.model, each.asked.content, outcome(each.before), outcome(each.after))
        alike.setdefault(key, []).append(each.asked)
    return [
        (*key, _joined(_name(each.case.endpoint) for each in asked), _joined(each.who for each in asked))
        for key, asked in alike.items()
    ]


def _joined(words: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(words))


def _kind(change: Change) -> str:
    match change.before.outcome == FORWARD, change.after.outcome == FORWARD:
        case True, False:
            return "newly refused"
        case False, True:
            return "newly forwarded"
        case True, True:
            return "served elsewhere or in another order"
    return "refused for another reason"


def _name(endpoint: Endpoint) -> str:
    return endpoint.value.removeprefix("/v1/")


def _as_json(change: Change) -> dict[str, Any]:
    case = change.asked.case
    return {
        "who": change.asked.who,
        "model": case.model,
        "endpoint": case.endpoint.value,
        "content": change.asked.content,
        "kind": _kind(change),
        **{name: _judged(each) for name, each in (("before", change.before), ("after", change.after))},
    }


def _judged(judgement: Judgement) -> dict[str, Any]:
    return {
        "outcome": judgement.outcome,
        "code": judgement.code or None,
        "served_by": list(judgement.clusters),
        "reasons": list(judgement.reasons),
    }
