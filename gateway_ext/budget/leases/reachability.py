"""Whether the ledger of record answers, and whether to go on without it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from gateway_ext.errors import LedgerUnavailable, Refusal

_log = logging.getLogger(__name__)

Result = TypeVar("Result")


class Reachability:
    """`admits_alone`: whether what is leased is granted while the ledger does not answer."""

    def __init__(self, admits_alone: Callable[[], bool]) -> None:
        self._admits_alone = admits_alone
        self.is_away = False

    def may_grant(self) -> bool:
        return not self.is_away or self._admits_alone()

    async def answered(self, work: Awaitable[Result]) -> Result:
        """The ledger's answer, having noted whether there is one. Raises what `work` raises."""
        try:
            answer = await work
        except LedgerUnavailable:
            self._note_away()
            raise
        except Refusal:
            self._note_answer()
            raise
        self._note_answer()
        return answer

    def _note_away(self) -> None:
        if not self.is_away:
            granted = "still granted" if self._admits_alone() else "not granted"
            _log.error("leases: the ledger does not answer; what is leased is %s", granted)
        self.is_away = True

    def _note_answer(self) -> None:
        if self.is_away:
            _log.warning("leases: the ledger answers again")
        self.is_away = False
