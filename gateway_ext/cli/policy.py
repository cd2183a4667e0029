"""`gateway-ext policy check`: is this directory a policy, and what does it say? Needs no running gateway."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from gateway_ext.budget.rules import BudgetRule
from gateway_ext.cli import policy_diff, policy_explain, policy_replay, policy_test
from gateway_ext.guard.catalog import DETECTORS
from gateway_ext.guard.policy import GuardPolicy
from gateway_ext.limits import NANO
from gateway_ext.policy.cases import DIRECTORY, case_files
from gateway_ext.policy.loader import Reading, read_policy
from gateway_ext.policy.problems import PolicyError, Problem
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.routing.rules import RoutingRule
from gateway_ext.settings import Settings


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `policy` with its own commands."""
    parser = subparsers.add_parser("policy", help="check and explain the policy files")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="print what a policy says, or every fault in it with file:line:column")
    check.add_argument("directory", nargs="?", type=Path, default=Settings().policies_dir, metavar="DIR")
    check.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    check.set_defaults(run=run_check)
    policy_test.register(commands)
    policy_diff.register(commands)
    policy_replay.register(commands)
    policy_explain.register(commands)


def run_check(args: argparse.Namespace) -> int:
    """0 when the policy is usable (warnings go to stderr), 1 when it is not."""
    try:
        reading = read_policy(args.directory)
    except PolicyError as error:
        if args.json:
            print(json.dumps({"ok": False, "problems": _as_json(error.problems)}, indent=2))
        else:
            _print_problems(args.directory, "error", error.problems)
        return 1
    if args.json:
        print(json.dumps({"ok": True, **summary(reading), "warnings": _as_json(reading.warnings)}, indent=2))
    else:
        _print_tables(reading.snapshot)
        if case_files(args.directory / DIRECTORY):
            print(f"Its cases: gateway-ext policy test {args.directory}")
        _print_problems(args.directory, "warning", reading.warnings)
    return 0


def summary(reading: Reading) -> dict[str, Any]:
    """What a policy says, as plain values. Amounts are decimal text in units of the currency."""
    snapshot = reading.snapshot
    routing, budget = snapshot.routing, snapshot.budget
    return {
        "digest": snapshot.digest,
        "models": {
            model.name: [
                {"cluster": d.cluster, "tier": d.tier, "jurisdiction": d.jurisdiction} for d in model.deployments
            ]
            for model in routing.models.values()
        },
        "rules": [
            {
                "name": rule.name,
                "models": list(rule.models),
                "when": rule.when.source if rule.when else None,
                "effect": rule.effect.value,
                "deployments": sorted(rule.clusters),
                "stop": rule.stops,
            }
            for rule in routing.rules
        ],
        "budgets": [
            {
                "name": rule.name,
                "scope": rule.scope,
                "match": rule.match,
                "amount": _units(rule.limit_nano),
                "currency": budget.currency,
                "window": str(rule.window),
                "models": list(rule.models),
                "per_model": rule.per_model,
                "hard": rule.is_hard,
                "carry_over": _units(rule.carries_max_nano),
            }
            for rule in budget.budgets
        ],
        "detectors": [
            dict(zip(("name", "data_class", "action", "sovereign"), row, strict=True))
            for row in _detectors(snapshot.guard)
        ],
    }


def _print_tables(snapshot: Snapshot) -> None:
    routing, budget = snapshot.routing, snapshot.budget
    print("Models, deployments in order of preference:")
    _print_table(
        ("model", "deployment", "tier", "jurisdiction"),
        [(m.name, d.cluster, d.tier, d.jurisdiction) for m in routing.models.values() for d in m.deployments],
    )
    if routing.rules:
        print("\nRules, in order:")
        _print_table(
            ("rule", "models", "effect", "deployments", "when"),
            [
                (r.name, ", ".join(r.models), r.effect, _listed(r), r.when.source if r.when else "")
                for r in routing.rules
            ],
        )
    print("\nBudgets:")
    _print_table(
        ("budget", "for each", "matching", "amount", "window", ""),
        [
            (b.name, b.scope, b.match, f"{_units(b.limit_nano)} {budget.currency}", str(b.window), _kind(b))
            for b in budget.budgets
        ],
    )
    print("\nDetectors:")
    _print_table(
        ("detector", "class", "action", "sovereign"),
        [
            (name, kind, action, "yes" if sovereign else "")
            for name, kind, action, sovereign in _detectors(snapshot.guard)
        ],
    )
    print(f"\nPolicy is valid. Digest {snapshot.digest}")


def _listed(rule: RoutingRule) -> str:
    return rule.message or ", ".join(sorted(rule.clusters))


def _kind(budget: BudgetRule) -> str:
    said = [f"models {', '.join(budget.models)}"] if budget.models else []
    return "; ".join(
        said
        + ["each model apart"] * budget.per_model
        + ["soft"] * (not budget.is_hard)
        + ["carries over"] * bool(budget.carries_max_nano)
    )


def _detectors(policy: GuardPolicy) -> list[tuple[str, str, str, bool]]:
    """Name, data class, action (`off` when disabled) and sovereign mark of every detector the Guard has."""
    rows = []
    dictionaries = {kind.name: kind.data_class for one in policy.request.dictionaries for kind in one.kinds}
    for name, data_class in sorted({**DETECTORS, **dictionaries}.items()):
        rule = policy.request.rule(name, data_class)
        rows.append(
            (name, data_class, str(rule.action) if rule.is_enabled else "off", rule.is_enabled and rule.sovereign)
        )
    return rows


def _units(amount_nano: int) -> str:
    return f"{Decimal(amount_nano) / NANO:f}"


def _print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _print_problems(directory: Path, severity: str, problems: Sequence[Problem]) -> None:
    for problem in problems:
        path = directory / problem.file
        print(f"{path}:{problem.line}:{problem.column}: {severity}: {problem.message}", file=sys.stderr)


def _as_json(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    return [
        {"file": problem.file, "line": problem.line, "column": problem.column, "message": problem.message}
        for problem in problems
    ]
