"""Delivers one process directory to one output: in order, each record until it is taken, and never past a rejected one."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway_ext import limits
from gateway_ext.audit.cursor import Cursor, load_cursor, save_cursor, unshipped_bytes
from gateway_ext.audit.delivery import Answer, Delivery, Exporter
from gateway_ext.audit.reading import Batch, next_batch
from gateway_ext.audit.segments import segment_sizes

_RETRY_SECONDS_MIN = 0.2

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """`stuck_id` names the record the receiver keeps rejecting; `trouble` says what the last attempt met."""

    process: str
    output: str
    cursor: Cursor
    lag_bytes: int
    stuck_id: str
    trouble: str


class Lane:
    """One directory on its way to one output. Used by one task at a time.

    `release` is called, in a thread, when the cursor has moved: it lets go of what nobody needs any more. Raises OSError.
    """

    def __init__(
        self,
        directory: Path,
        output: str,
        exporter: Exporter,
        retry_seconds_max: float,
        release: Callable[[Path], None],
    ):
        self._directory = directory
        self._output = output
        self._exporter = exporter
        self._retry_seconds_max = retry_seconds_max
        self._release = release
        self._cursor = load_cursor(directory, output)
        self._batch_records = limits.SHIP_BATCH_RECORDS_MAX
        self._retry_seconds = _RETRY_SECONDS_MIN
        self._retry_at_seconds = 0.0
        self._stuck_id = ""
        self._trouble = ""

    def status(self) -> LaneStatus:
        """Reads the sizes of the segments. Raises OSError."""
        lag_bytes = unshipped_bytes(self._directory, self._cursor)
        return LaneStatus(self._directory.name, self._output, self._cursor, lag_bytes, self._stuck_id, self._trouble)

    def has_news(self) -> bool:
        """Whether a step may find anything to do. Reads the sizes of the segments; never raises."""
        try:
            sizes = segment_sizes(self._directory)
        except OSError:  # which a step tells of
            return True
        return any(
            number > self._cursor.segment or (number == self._cursor.segment and size != self._cursor.offset)
            for number, size in sizes.items()
        )

    async def step(self, now_seconds: float) -> bool:
        """Deliver one batch unless a retry is not due yet. Whether there is more to do at once.

        Records that come in while a batch is on its way are none of that: they wait for each other, and go together.
        """
        if now_seconds < self._retry_at_seconds:
            return False
        try:
            batch = await asyncio.to_thread(
                next_batch, self._directory, self._cursor, self._batch_records, limits.SHIP_BATCH_BYTES_MAX
            )
            delivery = await self._exporter.export(batch.events) if batch.events else Delivery(Answer.ACCEPTED)
            if delivery.answer is Answer.ACCEPTED:
                return await self._acknowledged(batch)
        except OSError as error:
            delivery = Delivery(Answer.UNREACHABLE, f"spool: {error.strerror}")
        if delivery.answer is Answer.REJECTED and self._batch_records > 1 and len(batch.events) > 1:
            # Which one it is, the answer does not say: halve until it is alone. Sending others again is harmless.
            self._batch_records = len(batch.events) // 2
            return True
        if delivery.answer is Answer.REJECTED:
            self._stick(batch.events[0].id, delivery.detail)
        self._wait(now_seconds, delivery)
        return False

    async def _acknowledged(self, batch: Batch) -> bool:
        if batch.cursor != self._cursor:
            self._report_losses(batch.cursor)
            await asyncio.to_thread(self._advance, batch.cursor)
        if self._trouble:
            _log.warning("audit shipping of '%s' to %s goes on", self._directory.name, self._output)
        self._stuck_id = self._trouble = ""
        self._retry_seconds = _RETRY_SECONDS_MIN
        self._batch_records = min(limits.SHIP_BATCH_RECORDS_MAX, self._batch_records * 2)
        return batch.has_more

    def _advance(self, cursor: Cursor) -> None:
        save_cursor(self._directory, cursor, self._output)
        self._cursor = cursor
        self._release(self._directory)

    def _report_losses(self, new: Cursor) -> None:
        old, name = self._cursor, self._directory.name
        if new.lost_records > old.lost_records or new.damaged_bytes > old.damaged_bytes:
            _log.error(
                "audit records of '%s' are missing before record %s-%d: %d by their sequence, %d bytes damaged",
                name,
                new.run_id,
                new.sequence,
                new.lost_records - old.lost_records,
                new.damaged_bytes - old.damaged_bytes,
            )
        if new.torn_tails > old.torn_tails:
            _log.warning("a segment of '%s' ends in a half-written record: the process was killed or lost power", name)

    def _stick(self, record_id: str, detail: str) -> None:
        if self._stuck_id != record_id:
            self._stuck_id = record_id
            _log.error("%s rejects audit record %s (%s): shipping there waits for it", self._output, record_id, detail)

    def _wait(self, now_seconds: float, delivery: Delivery) -> None:
        if not self._trouble:
            _log.warning(
                "audit shipping of '%s' to %s waits: %s (%s)",
                self._directory.name,
                self._output,
                delivery.answer.value,
                delivery.detail,
            )
        self._trouble = f"{delivery.answer.value} ({delivery.detail})"
        jitter = random.uniform(0.8, 1.0)  # noqa: S311  (spreads shippers after an outage; no secret)
        asked_seconds = min(delivery.retry_after_seconds, limits.SHIP_RETRY_AFTER_SECONDS_MAX)
        self._retry_at_seconds = now_seconds + max(self._retry_seconds * jitter, asked_seconds)
        self._retry_seconds = min(self._retry_seconds_max, self._retry_seconds * 2)
