"""`gateway-ext subjects`: whom pseudonyms name, all that is held on a person, and their erasure."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from gateway_ext.administration import subjects
from gateway_ext.administration.actor import Actor
from gateway_ext.administration.person_erasure import Erasure, erase
from gateway_ext.administration.person_report import report
from gateway_ext.budget.person import PersonInLedger
from gateway_ext.cli.settings_arguments import add_settings_arguments, settings_of_state
from gateway_ext.cli.table import printable
from gateway_ext.console.person_data import ConsolePerson
from gateway_ext.errors import ConfigurationError, LedgerUnavailable
from gateway_ext.settings import Settings
from gateway_ext.subjects.subject import Erased

OUTSIDE = (
    "copies elsewhere: the collector, the SIEM, mails and webhooks of alerts, backups, the identity provider",
    "conversations and fingerprints, under keyed hashes that no name leads to (docs/privacy.md)",
)


def register(subparsers: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = subparsers.add_parser("subjects", help="reveal pseudonyms, report on people and erase them")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    reveal = commands.add_parser("reveal", help="whom a pseudonym names", description="Recorded before it is shown.")
    reveal.add_argument("pseudonym", metavar="PSEUDONYM", help="as in gateway.principal.subject of the audit trail")
    reveal.add_argument("--reason", required=True, metavar="TEXT", help="one line, for the audit trail")
    reveal.set_defaults(run=run_reveal)
    find = commands.add_parser("find", help="the pseudonym of a person", description="Recorded before it is shown.")
    _add_subject(find)
    find.add_argument("--reason", default="found by name", metavar="TEXT", help="one line (default: '%(default)s')")
    find.set_defaults(run=run_find)
    told = commands.add_parser(
        "report",
        help="all that is held on a person",
        description="GDPR, Article 15. Recorded before it is told; each line is of one part.",
    )
    _add_subject(told)
    told.add_argument("--reason", default="data-subject report", metavar="TEXT", help="(default: '%(default)s')")
    told.add_argument("--json", action="store_true", help="print JSON, one object a line")
    told.set_defaults(run=run_report)
    erasing = commands.add_parser(
        "erase",
        help="erase a person",
        description="GDPR, Article 17. Credentials are revoked, name and key destroyed. There is no way back; proofs of the"
        " trail stay valid. Requests may wait while files are rewritten, about a second for 100 MB.",
    )
    _add_subject(erasing)
    erasing.add_argument(
        "--reason", required=True, metavar="TEXT", help="one line, without the name, for the audit trail"
    )
    erasing.add_argument(
        "--without-compacting",
        action="store_true",
        help="leave what deleted rows leave in files, until it is run again",
    )
    erasing.set_defaults(run=run_erase)
    init = commands.add_parser(
        "init",
        help="begin the store of pseudonyms anew after a loss",
        description="Accepts that nobody whom the lost store named can be revealed any more; or, after a restored backup,"
        " takes the one that is there for the right one: erase again whoever was erased since.",
    )
    init.set_defaults(run=run_init)
    for each in (reveal, find, told, erasing, init):
        each.add_argument("--actor", metavar="NAME", help="who does it (default: the user of this machine)")
        add_settings_arguments(each)


def _add_subject(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("subject", metavar="SUBJECT", help="as in the person's tokens")


def run_reveal(options: argparse.Namespace) -> int:
    """Print the subject; 1 when there is none to tell. Raises ConfigurationError."""
    found = subjects.reveal(settings_of_state(options), options.pseudonym, _actor(options), options.reason)
    if found is None:
        print("Not given here: no person has this pseudonym, nor had.")
        return 1
    if isinstance(found, Erased):
        moment = datetime.fromtimestamp(found.erased_unix_nano / 1e9, UTC)
        print(f"Erased on {moment:%Y-%m-%d}: nobody can tell who it was.")
        return 1
    print(printable(found.name))
    return 0


def run_find(options: argparse.Namespace) -> int:
    """Print the pseudonym; 1 when there is none. Raises ConfigurationError."""
    found = subjects.find(settings_of_state(options), options.subject, _actor(options), options.reason)
    if found is None:
        print("No pseudonym: no record names this person by one.")
        return 1
    print(found.pseudonym)
    return 0


def run_report(options: argparse.Namespace) -> int:
    """Print part by part, as it is read. Raises ConfigurationError."""
    settings = settings_of_state(options)
    ledger, console = person_in_ledger(settings), ConsolePerson(settings.layout.console)
    try:
        for part, held in report(settings, options.subject, _actor(options), options.reason, ledger, console):
            print(json.dumps({"part": part, **held}, default=_plain) if options.json else _line(part, held))
    except LedgerUnavailable as error:
        raise ConfigurationError(f"the ledger cannot be read ({type(error.__cause__).__name__})") from error
    except OSError as error:
        raise ConfigurationError(f"{error.filename} cannot be read ({error.strerror})") from error
    return 0


def run_erase(options: argparse.Namespace) -> int:
    """Erase; 1 when nothing is held. Raises ConfigurationError: run it again then."""
    settings = settings_of_state(options)
    ledger, console = person_in_ledger(settings), ConsolePerson(settings.layout.console)
    compact = not options.without_compacting
    try:
        erasure = erase(settings, options.subject, _actor(options), options.reason, ledger, console, compact=compact)
    except LedgerUnavailable as error:
        raise ConfigurationError("the ledger cannot be written; not all is erased: run it again") from error
    except OSError as error:
        raise ConfigurationError(f"{error.filename} cannot be read ({error.strerror}); run it again") from error
    if erasure.found_nothing:
        print("Nothing is held under this name.")
        return 1
    _show(erasure)
    return 0


def run_init(options: argparse.Namespace) -> int:
    """Begin the store. Raises ConfigurationError."""
    is_new = subjects.begin_store(settings_of_state(options), _actor(options))
    print(
        "Begun: pseudonyms of before can be revealed no more."
        if is_new
        else "Taken as it is: erase again whoever was erased since it was copied ('subjects:subject:erased' in the trail)."
    )
    return 0


def person_in_ledger(settings: Settings) -> PersonInLedger:
    """What the ledger of `settings` keeps of people. Raises ConfigurationError."""
    if settings.ledger_url:
        from gateway_ext.budget.postgres.person import PostgresPerson  # noqa: PLC0415  (extra `postgres`)

        return PostgresPerson(settings.ledger_url)
    from gateway_ext.budget.sqlite_person import SqlitePerson  # noqa: PLC0415

    return SqlitePerson(settings.layout.ledger)


def _show(erasure: Erasure) -> None:
    print(f"Erased; in the trail: {erasure.called}.")
    print("Changed: " + ", ".join(f"{store} {count}" for store, count in erasure.changed.items()) + ".")
    if erasure.plain_records:
        print(
            f"{erasure.plain_records} records of the trail name the person in plain, from when 'principals' was 'plain'."
            " They cannot be erased one by one; retention erases them when their time is over (docs/audit.md)."
        )
    if erasure.policy_files:
        print(f"Policy says the name: {', '.join(erasure.policy_files)}.")
    if not erasure.is_compact:
        print("Files are not rewritten: deleted rows can be read in them until it is run again without this option.")
    for each in OUTSIDE:
        print(f"Not erased: {each}.")


def _line(part: str, held: Mapping[str, Any]) -> str:
    said = json.loads(json.dumps(held, default=_plain))
    cells = [f"{name}={value}" for name, value in said.items() if value not in ("", None, [], {}, 0)]
    return printable(f"{part:<11} {'  '.join(cells)}")


def _plain(value: Any) -> Any:
    """What JSON has no form for: sets, mappings that cannot change."""
    if isinstance(value, Mapping):
        return dict(value)
    return sorted(value) if isinstance(value, set | frozenset) else str(value)


def _actor(options: argparse.Namespace) -> Actor:
    return Actor(options.actor) if options.actor else Actor()
