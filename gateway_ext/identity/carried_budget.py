"""The budget that a credential of ours carries. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway_ext.errors import CredentialBudgetUnusable
from gateway_ext.exchange import CredentialBudget

CHARACTERS_MAX = 256
LIMIT_NANO_MAX = 10**18  # below 2**63, as an amount of budgets.yaml
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_MEMBERS = {"account", "currency", "limit_nano", "window"}


def carried_budget(claims: Mapping[str, Any]) -> CredentialBudget | None:
    """What the claim `budget` says, None when there is none. Its members are text, the limit too: claims come with
    numbers as doubles. Raises CredentialBudgetUnusable for a claim that says anything else: nothing may be spent then.
    """
    if "budget" not in claims:
        return None
    claim = claims["budget"]
    if not isinstance(claim, Mapping) or claim.keys() != _MEMBERS or not all(map(_is_line, claim.values())):
        raise CredentialBudgetUnusable
    if not _NUMBER.fullmatch(claim["limit_nano"]) or (limit_nano := int(claim["limit_nano"])) > LIMIT_NANO_MAX:
        raise CredentialBudgetUnusable
    return CredentialBudget(claim["account"], claim["currency"], limit_nano, claim["window"])


def _is_line(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= CHARACTERS_MAX and value.isprintable()
