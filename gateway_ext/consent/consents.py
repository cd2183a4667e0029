"""What the processor knows of who has accepted what: asked once for each caller, until anything changes."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from gateway_ext.clock import SystemClock
from gateway_ext.consent.gate import require_accepted
from gateway_ext.consent.rules import ConsentRules, Party
from gateway_ext.consent.sqlite_store import AgreementsStore, accepted_by
from gateway_ext.errors import ConsentUnavailable
from gateway_ext.exchange import Principal
from gateway_ext.limits import CONSENT_PARTIES_REMEMBERED_MAX, STANDING_POLL_SECONDS
from gateway_ext.witnessed.follower import StoreFollower
from gateway_ext.witnessed.reader import StoreReader
from gateway_ext.witnessed.store import StoreLost

_Accepted = frozenset[tuple[str, str]]


class Consents(StoreFollower[bool]):
    """A ConsentSource. Until policy asks somebody for an agreement, no store is looked for."""

    def __init__(
        self,
        path: Path,
        clock: SystemClock,
        console_url: str,
        *,
        poll_seconds: float = STANDING_POLL_SECONDS,
    ) -> None:
        self._store = AgreementsStore(path)
        super().__init__(StoreReader(self._store, lambda _: True), clock, poll_seconds=poll_seconds)
        self._console_url = console_url
        self._is_asked = False
        self._remembered: dict[Party, _Accepted] = {}
        self._connection: sqlite3.Connection | None = None  # of the event loop

    def require(self, principal: Principal, rules: ConsentRules) -> None:
        """Raises AgreementMissing, and ConsentUnavailable when it is not known for certain who has accepted what."""
        if rules.agreements:
            self._is_asked = True
            require_accepted(principal, rules, self._accepted, self._console_url)

    async def stop(self) -> None:
        """Stop following and close the store."""
        await super().stop()
        self._tell()

    def _is_wanted(self) -> bool:
        return self._is_asked

    def _take(self, found: bool) -> None:
        """Nothing is read ahead: there may be a hundred thousand people."""

    def _tell(self) -> None:
        """Forget what was known. Only the loop asks, so that nothing older can come to be remembered afterwards."""
        self._remembered.clear()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _accepted(self, party: Party) -> _Accepted:
        if not self.is_known():
            raise ConsentUnavailable
        found = self._remembered.get(party)
        if found is None:
            found = self._read(party)
            if len(self._remembered) >= CONSENT_PARTIES_REMEMBERED_MAX:
                self._remembered.clear()
            self._remembered[party] = found
        return found

    def _read(self, party: Party) -> _Accepted:
        # On the loop: by primary key, from the page cache; a thread would cost more than the reading (ADR 4).
        try:
            if self._connection is None:
                self._connection = self._store.connect_for_reading()
                with self._store.moment(self._connection):  # an older copy must not be asked, either
                    return accepted_by(self._connection, party)
            return accepted_by(self._connection, party)
        except (sqlite3.Error, OSError, ValueError, StoreLost):
            self._tell()
            raise ConsentUnavailable from None
