"""People who ask through a trusted front end: a chat page that holds one service's credential and says who its user is.

Policy names the service, verified and bound to its client certificate, and the headers it may say so in. Everybody
else's headers mean nothing. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import unquote_to_bytes

from gateway_ext.errors import UserHeaderInvalid, UserHeaderMissing
from gateway_ext.exchange import Labels, Principal
from gateway_ext.identity.claims import CLAIM_CHARACTERS_MAX, GROUPS_MAX
from gateway_ext.identity.rules import FrontEnd, IdentityRules

_BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")


def person_behind(caller: Principal, user_headers: Mapping[str, tuple[str, ...]], rules: IdentityRules) -> Principal:
    """The person for whom `caller` asks, with its credential; `caller` itself when it is no front end.

    What the front end does not say (team, groups, …) is as it is for the front end itself, but for the e-mail address.
    Raises UserHeaderMissing where policy requires a person, UserHeaderInvalid for what could be read in two ways.
    """
    front_end = rules.front_ends.get((caller.issuer, caller.subject))
    if front_end is None:
        return caller
    said = {
        name: _value(name, header, user_headers[header], front_end)
        for name, header in front_end.asserts.items()
        if name != "groups" and user_headers.get(header)
    }
    if "subject" not in said:
        if front_end.is_required:
            raise UserHeaderMissing(
                f"This service may only speak for people. Say for whom in the header '{front_end.asserts['subject']}'."
            )
        return caller
    lowercase = rules.issuers[front_end.people].lowercase
    said = {name: value.lower() if name in lowercase else value for name, value in said.items()}
    return replace(
        caller,
        kind="person",
        issuer=front_end.people,
        asserted_by=caller,
        subject=said["subject"],
        email=said.get("email", ""),
        team=said.get("team", caller.team),
        project=said.get("project", caller.project),
        cost_center=said.get("cost_center", caller.cost_center),
        purpose=said.get("purpose", caller.purpose),
        groups=_groups(user_headers, front_end, caller.groups),
    )


def labels_of(caller: Principal, user_headers: Mapping[str, tuple[str, ...]], rules: IdentityRules) -> Labels:
    """What headers say about the content, in lower case: comma-separated lists (RFC 9110 §5.6.1), in any number of fields.

    Only what a front end says in its own header is trusted. `caller` may be the person behind it.
    """
    said = {header: user_headers[header] for header in rules.labels_headers if header in user_headers}
    if not said:
        return Labels()
    members = (
        member.strip(" \t").lower() for values in said.values() for value in values for member in value.split(",")
    )
    service = caller.asserted_by or caller
    front_end = rules.front_ends.get((service.issuer, service.subject))
    return Labels(frozenset(members) - {""}, front_end is not None and front_end.labels_header in said)


def conversation_ids(user_headers: Mapping[str, tuple[str, ...]], rules: IdentityRules) -> tuple[str, ...]:
    """Ids of the conversation that came in headers. Anybody may name their own: it can only add to what is known of it."""
    return tuple(value for header in rules.conversation_headers for value in user_headers.get(header, ()))


def _groups(
    user_headers: Mapping[str, tuple[str, ...]], front_end: FrontEnd, otherwise: frozenset[str]
) -> frozenset[str]:
    """The members of a comma-separated list (RFC 9110 §5.6.1), which comes in one header field."""
    header = front_end.asserts.get("groups", "")
    if not (values := user_headers.get(header)):
        return otherwise
    members = _one(header, values).split(",")
    if len(members) > GROUPS_MAX:
        raise UserHeaderInvalid(f"The header '{header}' lists more than {GROUPS_MAX} groups.")
    return frozenset(_value("groups", header, (member.strip(" \t"),), front_end) for member in members)


def _value(name: str, header: str, values: tuple[str, ...], front_end: FrontEnd) -> str:
    text = _one(header, values)
    if not text.isascii():
        raise UserHeaderInvalid(f"The header '{header}' is not ASCII; policy can have it percent-encoded.")
    if name in front_end.percent_encoded:
        text = _decoded(header, text)
    if not text or text != text.strip() or len(text) > CLAIM_CHARACTERS_MAX or not text.isprintable():
        raise UserHeaderInvalid(
            f"The header '{header}' must have 1 to {CLAIM_CHARACTERS_MAX} printable characters, without blanks around."
        )
    return text


def _one(header: str, values: tuple[str, ...]) -> str:
    if len(values) != 1:
        raise UserHeaderInvalid(f"The header '{header}' came more than once.")
    return values[0]


def _decoded(header: str, text: str) -> str:
    """Percent-encoded UTF-8 (RFC 3986 §2.1)."""
    if not _BAD_ESCAPE.search(text):
        try:
            return unquote_to_bytes(text).decode()
        except UnicodeDecodeError:
            pass
    raise UserHeaderInvalid(f"The header '{header}' is not percent-encoded UTF-8.")
