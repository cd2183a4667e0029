"""`gateway-ext policy explain REQUEST.json`: what would be decided about a request, step by step. Sends nothing."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway_ext.administration.orders import in_force
from gateway_ext.cli import explained_caller
from gateway_ext.cli.guard_loading import loaded_guard
from gateway_ext.clock import SystemClock
from gateway_ext.errors import ConfigurationError, LedgerUnavailable
from gateway_ext.exchange import CredentialClass, Endpoint, Interface, Principal
from gateway_ext.limits import NANO
from gateway_ext.policy.loader import load_policy
from gateway_ext.settings import Settings, StateLayout
from gateway_ext.standing.standing import Standing

if TYPE_CHECKING:
    from gateway_ext.explain import Explanation

_CLASS_REASONS = ("found:", "label:", "default:", "sticky:", "history:")
_STEPS = ("authenticate", "read", "budget", "inspect", "route", "forward")


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `explain` to the commands of `policy`."""
    parser = commands.add_parser("explain", help="what would be decided about a request, step by step; sends nothing")
    parser.add_argument("request", type=Path, metavar="REQUEST.json", help="the request's body; - for standard input")
    parser.add_argument("--policies", type=Path, default=Settings().policies_dir, metavar="DIR")
    parser.add_argument(
        "--state",
        type=Path,
        help=f"read balances and registered documents from here (default {Settings().state_dir}); when given, what"
        " operators have revoked, disabled and stopped there counts, too",
    )
    parser.add_argument("--endpoint", default=Endpoint.CHAT_COMPLETIONS.value, choices=[e.value for e in Endpoint])
    explained_caller.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run_explain)


def run_explain(options: argparse.Namespace) -> int:
    """0 when the request would be forwarded or answered, 1 when it would be refused."""
    from gateway_ext.explain import explain  # noqa: PLC0415  (the Guard's libraries take a second to import)

    snapshot = load_policy(options.policies)
    body = sys.stdin.buffer.read() if str(options.request) == "-" else _read(options.request)
    issuer = snapshot.identity.issuers.get(options.issuer)
    if issuer is None:
        raise ConfigurationError(f"--issuer: identity.yaml has {', '.join(sorted(snapshot.identity.issuers))}")
    is_service = issuer.credential_class is CredentialClass.SERVICE
    settings = Settings(state_dir=options.state or Settings().state_dir, policies_dir=options.policies)
    with loaded_guard(settings) as guard:
        guard.prepare(snapshot.guard)  # what a running gateway has built long ago
        explanation = asyncio.run(
            explain(
                snapshot,
                guard,
                claims={options.issuer: explained_caller.claims(options, issuer)},
                user_headers=explained_caller.user_headers(options, snapshot.identity.user_headers),
                interface=Interface.INTERNAL if is_service else Interface.PUBLIC,
                endpoint=Endpoint(options.endpoint),
                body=body,
                used_nano=_balances(settings.state_dir),
                standing=_standing(settings) if options.state else Standing(),
                agent_run=explained_caller.agent_run(options),
            )
        )
    if options.json:
        print(json.dumps(as_json(explanation), indent=2))
    else:
        orders = f"with the orders of {options.state}" if options.state else "whatever operators have ordered"
        _print(explanation, f"under policy {snapshot.digest[:12]}, {orders}")
    return 1 if explanation.record.action == "refuse" else 0


def as_json(explanation: Explanation) -> dict[str, Any]:
    """The explanation as plain values; findings by place, never by value."""
    record, reservation = explanation.record, explanation.reservation
    return {
        "action": record.action,
        "refused_at": record.refused_at or None,
        "reason": record.reason or None,
        "http_status": record.http_status or None,
        "policy_digest": record.policy_digest,
        "principal": None if record.principal is None else record.principal.subject,
        "front_end": (record.principal.front_end if record.principal else "") or None,
        "rules": list(record.rules),
        "model": record.model,
        "reserved_nano": reservation.amount_nano if reservation else None,
        "budgets": [line.rule for line in reservation.lines] if reservation else [],
        "findings": [
            {"detector": f.detector, "place": f.place, "start": f.start, "end": f.end, "action": f.action}
            for f in record.findings
        ],
        "data_classes": list(record.data_classes),
        "labels": list(record.labels),
        "sovereign": record.sovereign,
        "candidates": [candidate.cluster for candidate in record.candidates],
        "body_changes": explanation.body is not None,
        "models": _models(explanation),
        "input_tokens": _answered(explanation).get("input_tokens"),
    }


def _print(explanation: Explanation, under: str) -> None:
    record = explanation.record
    if record.endpoint == Endpoint.MODELS and record.action == "answer":
        caller = _details(explanation)["authenticate"]
        print(f"  ✔ authenticate {caller}\n\n  ANSWER  {', '.join(_models(explanation)) or 'no model'}; {under}")
        return
    stopped_at = _STEPS.index(record.refused_at) if record.refused_at else len(_STEPS)
    details = _details(explanation)
    for position, step in enumerate(_STEPS):
        mark = "✔" if position < stopped_at else "✘" if position == stopped_at else "·"
        print(f"  {mark} {step:<13}{details[step] if position <= stopped_at else ''}".rstrip())
        if position == stopped_at:
            print(f"    → {record.http_status} {record.reason}")
    print(f"\n  {record.action.upper()}  {under}")


def _details(explanation: Explanation) -> dict[str, str]:
    record, reservation = explanation.record, explanation.reservation
    principal = record.principal
    found = [f"{f.detector} at {f.place}[{f.start}:{f.end}] → {f.action}" for f in record.findings]
    return {
        "authenticate": _caller(principal, record.rules) if principal else "",
        "read": f"{record.request_bytes} bytes, model {record.model or 'unknown'}",
        "budget": _money(reservation.amount_nano, reservation.currency, [line.rule for line in reservation.lines])
        if reservation
        else "",
        "inspect": "; ".join(found) or "nothing found",
        "route": _content(record.data_classes, record.rules)
        + " → ".join(f"{c.cluster} ({c.jurisdiction}, {c.tier})" for c in record.candidates)
        + (" (sovereign only)" if record.sovereign else ""),
        "forward": _forwarded(explanation),
    }


def _forwarded(explanation: Explanation) -> str:
    if (tokens := _answered(explanation).get("input_tokens")) is not None:
        return f"to nobody: counted by the gateway, {tokens} input tokens"
    if explanation.body is None:
        return "body as it came"
    return f"body changed, {explanation.record.redactions} redactions"


def _models(explanation: Explanation) -> list[str]:
    """What GET /v1/models would list; of other endpoints nothing."""
    return [model["id"] for model in _answered(explanation).get("data", ())]


def _answered(explanation: Explanation) -> dict[str, Any]:
    """What the gateway would answer by itself, other than a refusal."""
    if explanation.record.action != "answer" or explanation.answer is None:
        return {}
    answer: dict[str, Any] = json.loads(explanation.answer.body)
    return answer


def _caller(principal: Principal, rules: tuple[str, ...]) -> str:
    through = f", through {principal.front_end}" if principal.front_end else ""
    granted = ", ".join(rule.removeprefix("access:") for rule in rules if rule.startswith("access:"))
    caller = f"{principal.subject} ({principal.kind}, team {principal.team or '–'}{through})"
    return f"{caller}; granted by {granted}" if granted else caller


def _content(data_classes: tuple[str, ...], rules: tuple[str, ...]) -> str:
    if not data_classes:
        return ""
    why = ", ".join(rule for rule in rules if rule.startswith(_CLASS_REASONS))
    return f"content is {', '.join(data_classes)}{f' ({why})' if why else ''}: "


def _money(amount_nano: int, currency: str, budgets: list[str]) -> str:
    return f"reserve at most {Decimal(amount_nano) / NANO:.6f} {currency} from {', '.join(budgets)}"


def _standing(settings: Settings) -> Standing:
    """Raises ConfigurationError: a gateway that cannot read its orders refuses everything."""
    return Standing.of(in_force(settings), SystemClock().now_unix_nano())


def _balances(state: Path) -> dict[str, int]:
    from gateway_ext.budget.status import read_accounts  # noqa: PLC0415

    ledger = StateLayout(state).ledger
    if not ledger.exists():
        return {}
    try:
        return {account.key: account.posted_nano + account.held_nano for account in read_accounts(ledger)}
    except LedgerUnavailable as error:
        raise ConfigurationError(f"{ledger}: the ledger cannot be read") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror})") from error
