"""Whether everything has been accepted that policy asks of a caller, and the words for a caller who has not. Pure."""

from __future__ import annotations

from collections.abc import Callable, Set
from urllib.parse import urlsplit

from gateway_ext.consent.rules import Agreement, ConsentRules, Party, PartyKind
from gateway_ext.errors import AgreementMissing
from gateway_ext.exchange import Principal

Accepted = Callable[[Party], Set[tuple[str, str]]]
"""Names and versions of what a party has accepted and not withdrawn."""


def require_accepted(principal: Principal, rules: ConsentRules, accepted: Accepted, console_url: str) -> None:
    """Raises AgreementMissing naming all that `principal` lacks and where to accept it; and what `accepted` raises."""
    missing = [each for each in rules.agreements if each.concerns(principal) and not _holds(each, principal, accepted)]
    if missing:
        page = rules.accept_at or accept_page(console_url)
        names = tuple(f"agreement:{each.name}" for each in missing)
        raise AgreementMissing(_message(missing, principal, page), rules=names)


def accept_page(console_url: str) -> str:
    """The console's page at which people accept."""
    return urlsplit(console_url)._replace(path="/agreements").geturl()


def _holds(agreement: Agreement, principal: Principal, accepted: Accepted) -> bool:
    party = agreement.party(principal)
    return party is not None and (agreement.name, agreement.version) in accepted(party)


def _message(missing: list[Agreement], principal: Principal, page: str) -> str:
    own = [each for each in missing if each.accepted_by is PartyKind.PERSON]
    team = [each for each in missing if each.accepted_by is PartyKind.TEAM]
    parts = []
    if own:
        parts.append(f"You have to accept {_named(own)} first.")
    if team and principal.team:
        parts.append(f"Somebody who may do so for your team has to accept {_named(team)} first.")
    elif team:
        parts.append(f"A team has to have accepted {_named(team)}, and your credential names none.")
    return f"{' '.join(parts)} Accept at: {page}"


def _named(agreements: list[Agreement]) -> str:
    return " and ".join(f"'{each.title}' (version {each.version})" for each in agreements)
