"""Closes what nobody closed: holds past their time to live are settled by their worst case and recorded as recovered.

Forgets quotas that are full, too."""

from __future__ import annotations

from gateway_ext import trail
from gateway_ext.budget.rules import Settled
from gateway_ext.exchange import Outcome
from gateway_ext.limits import NANO
from gateway_ext.ports import AuditLog, Clock, Ledger, PolicySource

PRUNE_SECONDS = 600


class Sweeper:
    """Runs in the control process. Safe to run in several: each hold is closed, and recorded, by one of them."""

    def __init__(self, ledger: Ledger, audit: AuditLog, policy: PolicySource, clock: Clock) -> None:
        self._ledger = ledger
        self._audit = audit
        self._policy = policy
        self._clock = clock
        self._pruned_unix_nano = 0

    async def sweep(self) -> int:
        """Close and record all expired holds; how many there were. Raises LedgerUnavailable, AuditUnavailable."""
        swept = 0
        while expired := await self._ledger.expire(self._clock.now_unix_nano()):
            for settled in expired:
                self._audit.append(trail.concluded(_outcome(settled), settled, self._policy.current()))
            swept += len(expired)
        now_unix_nano = self._clock.now_unix_nano()
        if now_unix_nano - self._pruned_unix_nano >= PRUNE_SECONDS * NANO:
            await self._ledger.prune(now_unix_nano)
            self._pruned_unix_nano = now_unix_nano
        return swept


def _outcome(settled: Settled) -> Outcome:
    return Outcome(
        exchange_id=settled.hold_id,  # a hold has the id of its exchange
        hold_id=settled.hold_id,
        http_status=0,
        cluster=settled.cluster,
        usage=settled.usage,
        request_bytes=0,
        response_bytes=0,
        attempts=0,
        duration_ns=0,
        time_to_first_byte_ns=0,
        saw_end_of_stream=False,
        settled_by=settled.settled_by,
        flags=settled.flags,
    )
