"""Between agreements.yaml and identity.yaml: agreements that nobody is asked for, or that nobody could have accepted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway_ext.consent.rules import PartyKind
from gateway_ext.policy.agreements_schema import Agreement
from gateway_ext.policy.problems import Problem
from gateway_ext.policy.yaml_source import Source

if TYPE_CHECKING:
    from gateway_ext.policy.references import PolicyFiles

_FIELD_OF = {
    "teams": "team",
    "groups": "groups",
    "applications": "application",
    "purposes": "purpose",
    "environments": "environment",
}


def agreement_warnings(source: Source, files: PolicyFiles) -> Iterator[Problem]:
    """A gate that never closes is worse than none: whoever wrote it believes in it."""
    for name, agreement in files.agreements.agreements.items():
        known = _known_of_callers(agreement, files)
        if not known:
            message = f"no issuer of identity.yaml has callers whom '{name}' concerns, so nobody is asked for it"
            yield source.problem(("agreements", name), message, of_key=True)
            continue
        for condition, field in _FIELD_OF.items():
            if getattr(agreement.when, condition, ()) and field not in known:
                message = (
                    f"no issuer of identity.yaml tells the '{field}' of its callers, so nobody is asked for '{name}'"
                )
                yield source.problem(("agreements", name, "when", condition), message, of_key=True)
        if agreement.accepted_by is PartyKind.TEAM and "team" not in known:
            message = "no issuer of identity.yaml tells the 'team' of its callers, so whoever is asked is refused"
            yield source.problem(("agreements", name, "accepted_by"), message)


def _known_of_callers(agreement: Agreement, files: PolicyFiles) -> set[str]:
    """What is told of those who may be asked; empty when there is nobody."""
    classes = agreement.when.credential_classes if agreement.when else ()
    front_ends = files.identity.front_ends.values()
    known: set[str] = set()
    for name, issuer in files.identity.issuers.items():
        asserted = {field for each in front_ends if each.issuer == name for field in each.asserts}
        has_people = issuer.kind == "person" or asserted
        if (agreement.accepted_by is PartyKind.TEAM or has_people) and (
            not classes or issuer.credential_class in classes
        ):
            known |= issuer.claims.keys() | issuer.defaults.keys() | asserted
    return known
