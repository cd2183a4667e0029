"""`gateway-ext agreements`: what people and teams have accepted; accept and withdraw for them; begin the store of it."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway_ext.administration import agreements
from gateway_ext.administration.actor import Actor
from gateway_ext.cli.settings_arguments import add_settings_arguments, settings_of_state
from gateway_ext.cli.table import table
from gateway_ext.consent.acceptance import Acceptance, State, key_of, state_of
from gateway_ext.consent.rules import ConsentRules, Party, PartyKind
from gateway_ext.consent.sqlite_store import Wanted
from gateway_ext.errors import ConfigurationError
from gateway_ext.policy.loader import load_policy

COLUMNS = ("KIND", "PARTY", "AGREEMENT", "VERSION", "STATE", "SINCE", "ACTOR", "REASON")
UNASKED = "unasked"  # policy does not ask for it any more


@dataclass(frozen=True, slots=True)
class Row:
    """What a party has said last. `--json` prints these names."""

    kind: str
    party: str
    agreement: str
    version: str
    state: str  # of consent/acceptance.py, or `unasked`
    since: str
    actor: str
    actor_issuer: str
    reason: str
    shown_sha256: str


def register(subparsers: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = subparsers.add_parser("agreements", help="list, accept and withdraw agreements for people and teams")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listing = commands.add_parser("list", help="who has accepted what")
    listing.add_argument("--agreement", default="", metavar="NAME", help="only this one of agreements.yaml")
    listing.add_argument("--json", action="store_true", help="print JSON")
    _add_party(listing, is_required=False)
    listing.set_defaults(run=run_list)
    accept = commands.add_parser(
        "accept",
        help="accept for somebody",
        description="Recorded as done by you for them. People accept at the console.",
    )
    accept.add_argument("agreement", metavar="NAME", help="as in agreements.yaml")
    accept.add_argument("--version", help="what was agreed to (default: the version in force)")
    accept.add_argument("--text", type=Path, metavar="FILE", help="the text that was shown; its digest is kept")
    accept.set_defaults(run=run_accept)
    withdraw = commands.add_parser("withdraw", help="withdraw for somebody", description="Counts within a second.")
    withdraw.add_argument("agreement", metavar="NAME")
    withdraw.add_argument("--reason", default="", metavar="TEXT", help="one line, for the audit trail")
    withdraw.set_defaults(run=run_withdraw)
    for each in (accept, withdraw):
        _add_party(each, is_required=True)
        each.add_argument("--actor", metavar="NAME", help="who does it (default: the user of this machine)")
    init = commands.add_parser(
        "init",
        help="begin the store of acceptances",
        description="Begins the store, or, after a loss or a restored backup, takes the one that is there for the right "
        "one: withdraw first what may be missing in it.",
    )
    init.set_defaults(run=run_init)
    for each in (listing, accept, withdraw, init):
        add_settings_arguments(each)


def _add_party(parser: argparse.ArgumentParser, *, is_required: bool) -> None:
    party = parser.add_mutually_exclusive_group(required=is_required)
    party.add_argument("--person", metavar="SUBJECT", help="as in gateway.principal.subject of the audit trail")
    party.add_argument("--team", metavar="NAME")


def run_list(options: argparse.Namespace) -> int:
    """Print all of it. Raises ConfigurationError."""
    settings = settings_of_state(options)
    rules = load_policy(settings.policies_dir).consent
    party = _party(options)
    which = Wanted(options.agreement, party.kind if party else None, party.name if party else "")
    rows: list[Row] = []
    page = agreements.acceptances(settings, which, None, agreements.PAGE_MAX)
    while page:
        rows += [_row(each, rules) for each in page]
        page = agreements.acceptances(settings, which, key_of(page[-1]), agreements.PAGE_MAX)
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        shown = [(*tuple(asdict(row).values())[:7], row.reason) for row in rows]
        print(table(COLUMNS, shown) if rows else "Nobody has accepted anything.")
    return 0


def run_accept(options: argparse.Namespace) -> int:
    """Accept. Raises ConfigurationError; then nothing has changed."""
    settings, party = settings_of_state(options), _party(options)
    assert party is not None
    rules = load_policy(settings.policies_dir).consent
    version = options.version or rules.find(options.agreement).version
    shown = _text(options.text) if options.text else ""
    agreements.accept(settings, rules, options.agreement, version, party, _actor(options), shown)
    print(f"Accepted: {options.agreement} (version {version}), {party}.")
    return 0


def run_withdraw(options: argparse.Namespace) -> int:
    """Withdraw; 1 when it was not accepted. Raises ConfigurationError; then nothing has changed."""
    party = _party(options)
    assert party is not None
    withdrawn = agreements.withdraw(
        settings_of_state(options), options.agreement, party, _actor(options), options.reason
    )
    if withdrawn is None:
        print(f"Not accepted: {options.agreement}, {party}. 'gateway-ext agreements list' shows what is.")
        return 1
    print(f"Withdrawn: {options.agreement} (version {withdrawn.version}), {party}.")
    return 0


def run_init(options: argparse.Namespace) -> int:
    """Begin the store. Raises ConfigurationError."""
    is_new = agreements.begin_store(settings_of_state(options), Actor(), "gateway-ext agreements init")
    print("Begun: nobody has accepted anything." if is_new else "Taken as it is: see 'gateway-ext agreements list'.")
    return 0


def _party(options: argparse.Namespace) -> Party | None:
    if options.person is not None:
        return Party(PartyKind.PERSON, options.person)
    return Party(PartyKind.TEAM, options.team) if options.team is not None else None


def _actor(options: argparse.Namespace) -> Actor:
    return Actor(options.actor) if options.actor else Actor()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read as UTF-8 text ({type(error).__name__})") from error


def _row(acceptance: Acceptance, rules: ConsentRules) -> Row:
    asked = {each.name: each for each in rules.agreements}.get(acceptance.agreement)
    otherwise = State.WITHDRAWN if acceptance.is_withdrawn else UNASKED
    moment = datetime.fromtimestamp(acceptance.since_unix_nano / 1e9, UTC)
    return Row(
        kind=acceptance.party.kind,
        party=acceptance.party.name,
        agreement=acceptance.agreement,
        version=acceptance.version,
        state=state_of(asked, acceptance) if asked else otherwise,
        since=moment.isoformat(timespec="seconds").removesuffix("+00:00") + "Z",
        actor=acceptance.actor,
        actor_issuer=acceptance.actor_issuer,
        reason=acceptance.reason,
        shown_sha256=acceptance.shown_sha256,
    )
