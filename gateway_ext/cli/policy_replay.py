"""`gateway-ext policy replay`: what a policy would have decided about the requests of the audit trail."""

from __future__ import annotations

import argparse
import json
from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway_ext.administration.acts import record_act
from gateway_ext.audit.events import EventName
from gateway_ext.cli import guard_arguments, moments
from gateway_ext.cli.policy_cases import outcome
from gateway_ext.cli.policy_recorded import Decided, NotJudged, case_of, decisions_in
from gateway_ext.cli.progress import Progress
from gateway_ext.cli.table import printable, table
from gateway_ext.cli.trail_events import bytes_to_read
from gateway_ext.errors import ConfigurationError, Refusal
from gateway_ext.judged import FORWARD, REFUSE, Judgement, judge
from gateway_ext.policy.loader import load_policy
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.routing.strategies import By
from gateway_ext.settings import load_settings

ROWS_SHOWN_MAX = 50
GROUPS_MAX = 10_000  # of changes that are alike; further ones are only counted
EXCHANGES_REMEMBERED = 200_000  # of which a second record, by the sink and the logs, is recognized

_JUDGED_BY = ("access:", "class:", "found:", "label:", "sticky:", "history:", "default:", "rule:", "otherwise:")
"""Reasons that a judgement gives, too: of these one can tell which are new and which are gone."""


@dataclass(frozen=True, slots=True)
class Change:
    """What requests have in common that are decided otherwise in the same way. `reasons`: +new and -gone ones of policy."""

    team: str
    model: str
    kind: str
    before: str
    after: str
    reasons: tuple[str, ...]


@dataclass(slots=True)
class Replay:
    """`changes`: how many requests each is about; `examples`: the exchange of one. `not_judged`: how many, by why."""

    judged: int = 0
    changed: int = 0
    changes: Counter[Change] = field(default_factory=Counter)
    examples: dict[Change, str] = field(default_factory=dict)
    not_judged: Counter[str] = field(default_factory=Counter)
    uninspected: int = 0  # newly forwarded, but refused then before the Guard had read them
    unordered: int = 0  # by a strategy: whether another deployment comes first cannot be told

    def add(self, decided: Decided, snapshot: Snapshot) -> None:
        """Judge one more decision."""
        try:
            case = case_of(decided, snapshot)
        except NotJudged as why:
            self.not_judged[str(why)] += 1
            return
        except Refusal as refusal:  # of a conversation's history, which judge knows nothing of
            after = Judgement(REFUSE, refusal.code)
        else:
            after = judge(case, snapshot)
        self.judged += 1
        is_ordered = _is_ordered(decided, snapshot)
        self.unordered += after.outcome == FORWARD and not is_ordered
        before = decided.judgement
        kind = _kind(before, after, is_ordered=is_ordered)
        if not kind:
            return
        self.changed += 1
        self.uninspected += after.outcome == FORWARD and not decided.is_inspected
        change = Change(
            decided.attributes.get("gateway.principal.team", ""),
            decided.model,
            kind,
            outcome(before),
            outcome(after),
            _reasons(before, after),
        )
        if change in self.changes or len(self.changes) < GROUPS_MAX:
            self.changes[change] += 1
            self.examples.setdefault(change, decided.exchange_id)


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `replay` to the commands of `policy`."""
    parser = commands.add_parser(
        "replay",
        help="what a policy would have decided about the requests of the audit trail",
        description="Judges recorded decisions anew, by what the trail says of them: no text is read, the Guard does not run. "
        "Shows what would have been decided otherwise, and counts what cannot be told.",
    )
    parser.add_argument("--since", type=moments.since, default=0, help="an age (7d, 12h) or a date (UTC)")
    parser.add_argument(
        *("--policies", "--policy"), type=Path, metavar="DIR", help="the policy to judge by, instead of the settings'"
    )
    parser.add_argument(
        "--sink", type=Path, action="append", default=[], metavar="FILE", help="also read this file of OTLP logs"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object, with all that changes")
    parser.add_argument("--fail-on-change", action="store_true", help="exit code 1 when anything changes")
    guard_arguments.add_state(parser, with_policies=False)
    parser.set_defaults(run=run_replay)


def run_replay(options: argparse.Namespace) -> int:
    """Print what changes. Raises ConfigurationError for a policy with faults, or when there is no readable trail."""
    settings = load_settings(options.settings, state_dir=options.state, policies_dir=options.policies)
    snapshot = load_policy(settings.policies_dir)
    layout = settings.layout
    if not layout.spool.is_dir() and not options.sink:
        raise ConfigurationError(f"{layout.spool}: there is no spool; give --state, or --sink FILE")
    found = Replay()
    try:
        with Progress("judging the trail", bytes_to_read(layout, options.sink, options.since)) as progress:
            for decided in _once(decisions_in(layout, options.sink, options.since, progress.advance)):
                found.add(decided, snapshot)
    except OSError as error:
        raise ConfigurationError(f"{error.filename}: cannot be read ({error.strerror})") from error
    if layout.spool.is_dir():
        reason = f"policy replay: {found.judged} judged by policy {snapshot.digest[:12]}"
        record_act(settings, EventName.AUDIT_SEARCHED, "records", "", reason)
    if options.json:
        print(json.dumps(_document(found, snapshot.digest), indent=2))
    else:
        print("\n".join(_text(found)))
    return int(bool(options.fail_on_change and found.changed))


def _once(decisions: Iterable[Decided]) -> Iterable[Decided]:
    """Each exchange's, without what comes a second time soon: sent again, or here and in the sink."""
    seen: OrderedDict[str, None] = OrderedDict()
    for decided in decisions:
        if decided.exchange_id in seen:
            continue
        seen[decided.exchange_id] = None
        if len(seen) > EXCHANGES_REMEMBERED:
            seen.popitem(last=False)
        yield decided


def _is_ordered(decided: Decided, snapshot: Snapshot) -> bool:
    """Whether then and now the order is that of policy, not one by weights or measurements."""
    model = snapshot.routing.models.get(decided.model)
    was_by_strategy = any(rule.startswith("strategy:") for rule in decided.rules)
    return not was_by_strategy and (model is None or model.strategy.by is By.PRIORITY)


def _kind(before: Judgement, after: Judgement, *, is_ordered: bool) -> str:
    """Empty: nothing changes."""
    match before.outcome == FORWARD, after.outcome == FORWARD:
        case True, False:
            return "newly refused"
        case False, True:
            return "newly forwarded"
        case False, False:
            return "" if before.code == after.code else "refused for another reason"
    lost, gained = (set(one.clusters) - set(other.clusters) for one, other in ((before, after), (after, before)))
    if lost:
        return "served elsewhere" if gained else "loses deployments"
    if gained:
        return "gains deployments"
    return "in another order" if is_ordered and before.clusters != after.clusters else ""


def _reasons(before: Judgement, after: Judgement) -> tuple[str, ...]:
    known = [reason for reason in before.reasons if reason.startswith(_JUDGED_BY)]
    return (
        *(f"+{reason}" for reason in after.reasons if reason not in known),
        *(f"-{reason}" for reason in known if reason not in after.reasons),
    )


def _text(found: Replay) -> list[str]:
    rows = [
        (f"{count:,}", each.team, each.model, each.kind, each.before, each.after, " ".join(each.reasons))
        for each, count in found.changes.most_common(ROWS_SHOWN_MAX)
    ]
    lines = [table(("requests", "team", "model", "what", "then", "now", "reasons"), rows), ""] if rows else []
    if len(found.changes) > ROWS_SHOWN_MAX:
        lines.append(f"{len(found.changes) - ROWS_SHOWN_MAX} further rows; --json has all.")
    lines.append(f"{found.judged:,} requests judged, {found.changed:,} decided otherwise{_counts(found)}.")
    if found.uninspected:
        lines.append(
            f"{found.uninspected:,} of them were refused before the Guard had read them: what it finds may stop them."
        )
    if found.unordered:
        lines.append(f"{found.unordered:,} are ordered by a strategy: only which deployments they have was compared.")
    not_judged = sum(found.not_judged.values())
    if not_judged:
        lines.append(f"{not_judged:,} cannot be judged by what the trail says:")
        lines += [printable(f"  {count:,} {why}") for why, count in found.not_judged.most_common()]
    return lines


def _counts(found: Replay) -> str:
    kinds: Counter[str] = Counter()
    for each, count in found.changes.items():
        kinds[each.kind] += count
    return ": " + ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common()) if kinds else ""


def _document(found: Replay, digest: str) -> dict[str, Any]:
    return {
        "digest": digest,
        "judged": found.judged,
        "changed": found.changed,
        "changes": [_as_json(each, count, found.examples[each]) for each, count in found.changes.most_common()],
        "uninspected": found.uninspected,
        "unordered": found.unordered,
        "not_judged": dict(found.not_judged.most_common()),
    }


def _as_json(change: Change, requests: int, example: str) -> dict[str, Any]:
    return {
        "requests": requests,
        "team": change.team,
        "model": change.model,
        "kind": change.kind,
        "then": change.before,
        "now": change.after,
        "reasons": list(change.reasons),
        "example": example,
    }
