"""Another name in the place of somebody's in keys of accounts, quotas and top-ups. Pure.

All of these are parts that are percent-encoded and joined by '/': currency or unit, period, rule, scope, value and sometimes
the model (reserve.py, quota_lines.py); a top-up's has no period.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import unquote

from gateway_ext.budget.rules import Scope
from gateway_ext.budget.scopes import percent_encoded

_SCOPE, _VALUE = 3, 4  # positions of parts


def renamed(key: str, name: str, new_name: str, credential_ids: Collection[str] = ()) -> str:
    """`key`, which is an account's or a quota's, for `new_name` if it is for the user `name`, a run or a credential of theirs."""
    parts = key.split("/")
    if len(parts) > _VALUE:
        value, own, run = parts[_VALUE], percent_encoded(name), percent_encoded(f"{name}/")
        if parts[_SCOPE] == Scope.USER and value == own:
            parts[_VALUE] = percent_encoded(new_name)
        elif parts[_SCOPE] == Scope.AGENT_RUN and value.startswith(run):
            parts[_VALUE] = percent_encoded(f"{new_name}/") + value.removeprefix(run)
        elif parts[_SCOPE] == Scope.CREDENTIAL and unquote(value, errors="surrogatepass") in credential_ids:
            parts[_VALUE] = percent_encoded(new_name)
    return "/".join(parts)


def renamed_budget(budget: str, name: str, new_name: str, credential_ids: Collection[str] = ()) -> str:
    """The same for what a top-up adds to: currency, rule, scope, value and sometimes the model."""
    return renamed(budget.replace("/", "//", 1), name, new_name, credential_ids).replace("//", "/", 1)


def renamed_value(scope: str, value: str, name: str, new_name: str) -> str:
    """The same for the plain value of a scope."""
    if scope == Scope.USER and value == name:
        return new_name
    own = f"{name}/"
    return f"{new_name}/{value.removeprefix(own)}" if scope == Scope.AGENT_RUN and value.startswith(own) else value
