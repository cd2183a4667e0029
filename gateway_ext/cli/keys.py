"""`gateway-ext keys`: credentials that people and services use as their API key, from minting to revoking."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway_ext.administration.actor import Actor
from gateway_ext.administration.credentials import life_cycle
from gateway_ext.cli import keys_signing
from gateway_ext.cli.keys_shown import COLUMNS, cells, facts, show
from gateway_ext.cli.settings_arguments import add_settings_arguments, settings_of_state
from gateway_ext.cli.table import table
from gateway_ext.credentials.certificates import thumbprint
from gateway_ext.credentials.credential import Binding, Owner, State
from gateway_ext.credentials.life_cycle import named
from gateway_ext.credentials.minting import Asked, nano_units
from gateway_ext.credentials.rules import CredentialInvalid
from gateway_ext.errors import ConfigurationError
from gateway_ext.exchange import CredentialClass
from gateway_ext.settings import Settings

if TYPE_CHECKING:
    from gateway_ext.credentials.life_cycle import LifeCycle
    from gateway_ext.credentials.rules import Bounds

REVOKED = "revoked with gateway-ext keys"
OPTIONS = {"groups": "group", "models": "model", "binding": "client-uri", "uri": "client-uri"}  # fields named otherwise
OVERLAP_MINUTES = 60
OVERLAP_MINUTES_MAX = 30 * 24 * 60


def register(subparsers: Any) -> None:
    """Add the command to argparse's subparsers."""
    keys = subparsers.add_parser("keys", help="mint, list, rotate and revoke credentials; rotate signing keys")
    commands = keys.add_subparsers(title="commands", metavar="COMMAND", required=True)
    create = commands.add_parser("create", help="mint a credential and show it once")
    _describe_create(create)
    listing = commands.add_parser("list", help="list credentials, without the credentials themselves")
    listing.add_argument("--all", action="store_true", help="also those that are revoked or expired")
    listing.set_defaults(run=run_list)
    rotate = commands.add_parser("rotate", help="mint a successor; the old one is revoked after an overlap")
    rotate.add_argument(
        "--overlap", type=_minutes, default=OVERLAP_MINUTES, metavar="MINUTES", help="default: %(default)s"
    )
    rotate.add_argument("--base-url", help="the gateway's address, as printed")
    rotate.set_defaults(run=run_rotate)
    revoke = commands.add_parser("revoke", help="have a credential refused from now on")
    revoke.set_defaults(run=run_revoke)
    for each in (rotate, revoke):
        each.add_argument("id", help="as 'keys list' shows it, or how it begins")
    for each in (create, listing, rotate, revoke):
        add_settings_arguments(each)
        each.add_argument("--json", action="store_true", help="print JSON")
    keys_signing.add_commands(commands.add_parser("signing", help="rotate and list the keys that sign credentials"))


def _describe_create(create: argparse.ArgumentParser) -> None:
    whose = create.add_mutually_exclusive_group(required=True)
    whose.add_argument("--subject", help="the person it speaks for, as single sign-on names them")
    whose.add_argument("--service", metavar="NAME", help="the service it speaks for")
    create.add_argument("--team", required=True)
    create.add_argument("--group", action="append", default=[], help="may be repeated; access.yaml goes by groups")
    create.add_argument("--name", help="to tell it from others (default: 'default')", default="default")
    create.add_argument("--purpose", default="", help="what it is for; in the audit trail")
    create.add_argument("--project", default="")
    create.add_argument("--application", help="default: the service's name")
    create.add_argument("--environment", default="")
    create.add_argument("--days", type=int, help="how long it lives (default and bound: identity.yaml)")
    create.add_argument(
        "--model", action="append", metavar="PATTERN", help="narrow it to these models; may be repeated"
    )
    create.add_argument("--client-uri", default="", metavar="URI", help="of a service: the URI in its certificate")
    create.add_argument("--client-cert", type=Path, metavar="FILE", help="of a service: its certificate itself (PEM)")
    create.add_argument(
        "--budget", metavar="AMOUNT", help="of its own for each month, such as 2.5; policy's apply as well"
    )
    create.add_argument("--email", default="", help="of the person; in the audit trail")
    create.add_argument("--cost-center", default="", help="in the audit trail")
    create.add_argument("--base-url", help="the gateway's address, as printed")
    create.set_defaults(run=run_create)


def run_create(options: argparse.Namespace) -> int:
    """Mint and show. Raises ConfigurationError; nothing is minted then."""
    settings = settings_of_state(options)
    credential_class = CredentialClass.SERVICE if options.service else CredentialClass.PERSONAL
    if credential_class is CredentialClass.PERSONAL and (options.client_uri or options.client_cert):
        raise ConfigurationError("--client-uri and --client-cert bind a service's credential; give --service")
    try:
        credential, token = _life(settings).mint(_asked(options, credential_class), _bounds(settings, credential_class))
    except CredentialInvalid as error:
        option = OPTIONS.get(error.field, error.field.replace("_", "-"))
        raise ConfigurationError(f"--{option}: {error.problem}") from error
    show(credential, token, options.base_url, as_json=options.json)
    return 0


def _asked(options: argparse.Namespace, credential_class: CredentialClass) -> Asked:
    return Asked(
        credential_class=credential_class,
        name=options.name,
        owner=Owner(
            subject=options.service or options.subject,
            team=options.team,
            groups=tuple(options.group),
            project=options.project,
            application=options.service or "" if options.application is None else options.application,
            environment=options.environment,
            email=options.email,
            cost_center=options.cost_center,
        ),
        purpose=options.purpose,
        days=options.days,
        models=None if options.model is None else tuple(options.model),
        binding=Binding(options.client_uri, thumbprint(options.client_cert) if options.client_cert else ""),
        budget_nano=None if options.budget is None else nano_units(options.budget),
    )


def run_list(options: argparse.Namespace) -> int:
    """Print what is known. Raises ConfigurationError."""
    life = _life(settings_of_state(options))
    ended = (State.REVOKED, State.EXPIRED)
    shown = [each for each in life.store.all() if options.all or each.state(life.now_unix) not in ended]
    if options.json:
        print(json.dumps([facts(each, life.now_unix) for each in shown], indent=2))
    elif shown:
        print(table(COLUMNS, (cells(each, life.now_unix) for each in shown)))
    else:
        print("No credentials. Mint one with: gateway-ext keys create")
    return 0


def run_rotate(options: argparse.Namespace) -> int:
    """Mint a successor and show it. Raises ConfigurationError; nothing has changed then."""
    settings = settings_of_state(options)
    life = _life(settings)
    old = named(life.store.all(), options.id)
    successor, token = life.rotate(old, _bounds(settings, old.credential_class), options.overlap * 60)
    show(successor, token, options.base_url, as_json=options.json)
    if options.overlap == 0:
        life.revoke_due()
    when = f"will be revoked in {options.overlap} minutes, by the control process" if options.overlap else "is revoked"
    print(f"{old.id} {when}.", file=sys.stderr)
    return 0


def run_revoke(options: argparse.Namespace) -> int:
    """Revoke. Raises ConfigurationError; it is not revoked then."""
    life = _life(settings_of_state(options))
    credential = named(life.store.all(), options.id)
    life.revoke(credential)
    now = named(life.store.all(), credential.id)
    if options.json:
        print(json.dumps(facts(now, life.now_unix), indent=2))
    else:
        print(f"{now.id} ({now.name} of {now.owner.subject}) is {now.state(life.now_unix)}.")
    return 0


def _life(settings: Settings) -> LifeCycle:
    return life_cycle(settings, Actor(), REVOKED)


def _bounds(settings: Settings, credential_class: CredentialClass) -> Bounds:
    from gateway_ext.policy.loader import load_policy  # noqa: PLC0415  (takes a second, which listing does without)

    rules = load_policy(settings.policies_dir).credentials
    return rules.service if credential_class is CredentialClass.SERVICE else rules.personal


def _minutes(text: str) -> int:
    if not text.isdecimal() or int(text) > OVERLAP_MINUTES_MAX:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of minutes from 0 to {OVERLAP_MINUTES_MAX}")
    return int(text)
