"""Attachments are read in threads: unpacking and parsing some megabytes takes longer than an event loop may be held up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from gateway_ext.attachments.opening import attached_texts
from gateway_ext.clock import SystemClock
from gateway_ext.errors import GuardTimedOut
from gateway_ext.exchange import Attachment, Carriage, Text
from gateway_ext.limits import ATTACHMENT_DEADLINE_SECONDS, ATTACHMENT_THREADS


class Opener:
    """One per process. Threads are started when the first attachment comes."""

    def __init__(self, monotonic_ns: Callable[[], int] | None = None) -> None:
        self._monotonic_ns = monotonic_ns or SystemClock().monotonic_ns
        self._threads = ThreadPoolExecutor(ATTACHMENT_THREADS, thread_name_prefix="attachments")

    async def open(
        self,
        attachments: Sequence[Attachment],
        deadline_seconds: float = ATTACHMENT_DEADLINE_SECONDS,
        *,
        denies_on_timeout: bool,
    ) -> tuple[Text, ...]:
        """As attached_texts. Past the deadline raises GuardTimedOut, or leaves the rest unread, with marks that say so."""
        deadline = _Deadline(self._monotonic_ns, deadline_seconds)
        if all(each.carriage is not Carriage.DATA for each in attachments):
            return attached_texts(attachments)
        loop = asyncio.get_running_loop()
        texts = await loop.run_in_executor(self._threads, attached_texts, attachments, deadline)
        if deadline.is_past and denies_on_timeout:
            raise GuardTimedOut
        return texts

    def close(self) -> None:
        """Let what runs come to its end and release the threads."""
        self._threads.shutdown()


class _Deadline:
    """Tells whether time is up, and remembers that it has told so."""

    def __init__(self, monotonic_ns: Callable[[], int], seconds: float) -> None:
        self._monotonic_ns = monotonic_ns
        self._until_ns = monotonic_ns() + int(seconds * 1e9)
        self.is_past = False

    def __call__(self) -> bool:
        self.is_past = self.is_past or self._monotonic_ns() >= self._until_ns
        return self.is_past
