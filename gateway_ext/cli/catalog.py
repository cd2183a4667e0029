"""`gateway-ext catalog`: where does each deployment stand legally, and is what policy states of it still right?"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from gateway_ext.cli.table import table
from gateway_ext.clock import SystemClock
from gateway_ext.limits import NANO
from gateway_ext.policy.loader import load_policy
from gateway_ext.policy.problems import PolicyError
from gateway_ext.routing.catalog import CatalogEntry
from gateway_ext.routing.catalog_review import Circumstances, Finding, Severity, review
from gateway_ext.routing.data_classes import SOVEREIGN
from gateway_ext.routing.rules import RoutingRules
from gateway_ext.settings import Settings

STALE_MONTHS = 12
UNKNOWN = "?"
PERSONAL = "personal"  # the data class
_POLICIES = Settings().policies_dir
_NOW_UNIX_NANO = SystemClock().now_unix_nano
_COLUMNS = ("DEPLOYMENT", "TIER", "OPERATOR", "LAW", "INFERENCE", "STORAGE", "CERTIFICATIONS", "DPA", "CLOUD ACT")
_MORE_COLUMNS = ("TRAINS", "RETAINS", "WEIGHTS", "ATTESTED", "REVIEWED")


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `catalog` with its own commands."""
    parser = subparsers.add_parser("catalog", help="show and check where deployments stand legally")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    show = commands.add_parser("show", help="print what policy states of each deployment")
    show.set_defaults(run=run_show)
    check = commands.add_parser("check", help="print what in it is contradictory or old")
    check.add_argument(
        "--stale-months", type=_months, default=STALE_MONTHS, metavar="N", help=f"older is odd ({STALE_MONTHS})"
    )
    check.add_argument("--strict", action="store_true", help="exit with 1 for warnings, too")
    check.set_defaults(run=run_check)
    for command in (show, check):
        command.add_argument("policies", nargs="?", type=Path, default=_POLICIES, help="policy directory")
        command.add_argument("--json", action="store_true", help="print JSON")


def _months(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 120:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of months from 1 to 120")
    return int(text)


def run_show(options: argparse.Namespace, now_unix_nano: Callable[[], int] = _NOW_UNIX_NANO) -> int:
    """Always 0. Raises ConfigurationError for a policy that cannot be used."""
    catalog = load_policy(options.policies).routing.catalog
    entries = [catalog[cluster] for cluster in sorted(catalog)]
    if options.json:
        print(json.dumps([_plain(entry) for entry in entries], indent=2, default=_as_json))
    else:
        today = _today(now_unix_nano)
        print(table((*_COLUMNS, *_MORE_COLUMNS), [_cells(entry, today) for entry in entries]))
        print(f"\n{UNKNOWN}: not stated, so it meets no requirement.")
    return 0


def run_check(options: argparse.Namespace, now_unix_nano: Callable[[], int] = _NOW_UNIX_NANO) -> int:
    """0 when nothing is wrong, 1 when something is: an error, with --strict also a warning, or a policy without use."""
    try:
        routing = load_policy(options.policies).routing
    except PolicyError as error:
        problems = [dataclasses.asdict(problem) for problem in error.problems]
        if options.json:
            print(json.dumps({"ok": False, "problems": problems, "findings": []}, indent=2))
        else:
            print(error.diagnostics(), file=sys.stderr)
        return 1
    findings = review(routing.catalog, _circumstances(routing, _today(now_unix_nano), options.stale_months))
    grave = [each for each in findings if options.strict or each.severity is Severity.ERROR]
    if options.json:
        plain = [dataclasses.asdict(each) for each in findings]
        print(json.dumps({"ok": not grave, "problems": [], "findings": plain}, indent=2))
    else:
        _print_findings(findings, len(routing.catalog))
    return 1 if grave else 0


def _circumstances(routing: RoutingRules, today: date, stale_months: int) -> Circumstances:
    """Without a data class for them, personal data may go anywhere."""
    classes, everywhere = routing.data_classes, frozenset(routing.catalog)
    return Circumstances(
        today=today,
        stale_months=stale_months,
        providers={name: provider.jurisdiction for name, provider in routing.providers.items()},
        personal=classes[PERSONAL].clusters if PERSONAL in classes else everywhere,
        sovereign=classes[SOVEREIGN].clusters,
        sovereign_laws=routing.sovereign.jurisdictions,
    )


def _print_findings(findings: Collection[Finding], deployments: int) -> None:
    concerned: dict[tuple[Severity, str, str], list[str]] = {}
    for each in findings:
        concerned.setdefault((each.severity, each.rule, each.message), []).append(each.cluster)
    for (severity, rule, message), clusters in sorted(concerned.items()):
        print(f"{', '.join(clusters)}: {severity}: {message} [{rule}]", file=sys.stderr)
    errors = sum(each.severity is Severity.ERROR for each in findings)
    print(f"{deployments} deployments, {errors} errors, {len(findings) - errors} warnings.")


def _cells(entry: CatalogEntry, today: date) -> tuple[str, ...]:
    profile = entry.profile
    return (
        entry.cluster,
        entry.tier,
        profile.operator + (f" ({profile.parent.name})" if profile.parent else "") or UNKNOWN,
        entry.jurisdiction + (f" ({profile.parent.jurisdiction})" if profile.parent else ""),
        profile.inference_region or UNKNOWN,
        profile.storage_region or UNKNOWN,
        ", ".join(sorted(profile.certifications)) or UNKNOWN,
        _age(profile.dpa.date, today) if profile.dpa else UNKNOWN,
        _yes_no(profile.cloud_act, "exposed", "no"),
        _yes_no(profile.trains_on_data),
        _yes_no(profile.zero_retention, "no", "yes"),
        _yes_no(profile.open_weights, "open", "closed"),
        f"{profile.attestation.date}" if profile.attestation else "no",
        _age(profile.reviewed, today) if profile.reviewed else UNKNOWN,
    )


def _yes_no(stated: bool | None, yes: str = "yes", no: str = "no") -> str:
    return UNKNOWN if stated is None else yes if stated else no


def _age(day: date, today: date) -> str:
    """In whole months, as people speak of contracts."""
    months = (today.year - day.year) * 12 + today.month - day.month - (today.day < day.day)
    return f"{months} months" if months != 1 else "1 month"


def _today(now_unix_nano: Callable[[], int]) -> date:
    return datetime.fromtimestamp(now_unix_nano() // NANO, UTC).date()


def _plain(entry: CatalogEntry) -> Mapping[str, Any]:
    """The keys are those of policy; what nobody stated is null."""
    found = dataclasses.asdict(entry)
    profile = found.pop("profile")
    empty = {"operator", "inference_region", "storage_region", "certifications"}
    return {**found, "legal": {key: None if key in empty and not value else value for key, value in profile.items()}}


def _as_json(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value.isoformat()
