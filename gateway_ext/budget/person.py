"""What a ledger keeps of a person: read for a report, and put under another name when the person is erased.

Sums stay right: no amount changes, only whose it was. An account of the new name that is there already takes the old one's in.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from gateway_ext.budget.renaming import renamed, renamed_budget

HOLD_COLUMNS = (
    "id",
    "state",
    "currency",
    "amount_nano",
    "cost_nano",
    "model",
    "cluster",
    "team",
    "business_unit",
    "project",
    "application",
    "environment",
    "cost_center",
    "credential_id",
    "agent_run",
    "created_unix_nano",
    "settled_unix_nano",
)
"""Of a hold, what a report tells."""

ACCOUNT_COLUMNS = ("key", "limit_nano", "held_nano", "posted_nano", "carried_nano")


class PersonInLedger(Protocol):
    """For commands: it blocks. Raises LedgerUnavailable, ConfigurationError."""

    def holds(self, name: str) -> Iterator[Mapping[str, Any]]:
        """What was reserved and spent for the requests of `name`, oldest first: HOLD_COLUMNS."""
        ...

    def accounts(self, name: str) -> Iterator[Mapping[str, Any]]:
        """Their accounts and those of their runs: ACCOUNT_COLUMNS."""
        ...

    def rename(self, renaming: Renaming) -> int:
        """Wholly or not at all; how many holds were under the name. Requests wait meanwhile."""
        ...


@dataclass(frozen=True, slots=True)
class Renaming:
    """`credential_ids` are the person's own, as far as they are known beforehand; the ledger adds those that nobody else has
    used. What was spent with a front end's stays under it."""

    name: str
    new_name: str
    credential_ids: Collection[str] = ()

    def with_credentials(self, credential_ids: Iterable[str]) -> Renaming:
        return replace(self, credential_ids=frozenset((*self.credential_ids, *credential_ids)))

    def key(self, key: str) -> str:
        """Of an account or a quota."""
        return renamed(key, self.name, self.new_name, self.credential_ids)

    def budget(self, budget: str) -> str:
        """Of a top-up."""
        return renamed_budget(budget, self.name, self.new_name, self.credential_ids)

    def person(self, name: str) -> str:
        """Of a hold's payer, of who granted a top-up."""
        return self.new_name if name == self.name else name

    def credential(self, credential_id: str) -> str:
        return self.new_name if credential_id in self.credential_ids else credential_id

    def quotas(self, quotas: list[list[Any]]) -> list[list[Any]]:
        """As stored.quotas_to_json writes them."""
        return [[self.key(key), *rest] for key, *rest in quotas]


def moves(keys: Collection[str], of: Callable[[str], str]) -> dict[str, str]:
    """Old and new of those keys that are another afterwards, in the order in which stores lock them."""
    return {key: new for key in sorted(keys) if (new := of(key)) != key}
