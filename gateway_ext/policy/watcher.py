"""Keeps the last good snapshot of a directory while people edit it. Reading and parsing stay off the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path

from gateway_ext.clock import SystemClock
from gateway_ext.errors import ConfigurationError
from gateway_ext.limits import POLICY_POLL_SECONDS, POLICY_READY_SECONDS
from gateway_ext.policy.files import Directory, Signature, read_directory, signature
from gateway_ext.policy.loader import judge
from gateway_ext.policy.snapshot import Snapshot

_NOW_UNIX_NANO = SystemClock().now_unix_nano
_log = logging.getLogger(__name__)


class PolicyWatcher:
    """A PolicySource. Polls instead of using inotify, which sees neither network file systems nor a ConfigMap's swap.

    A changed directory is read once `settled_polls` polls have found it as the poll before, so that neither a
    half-written file nor half of a checkout is taken for a policy: with 1, a change holds after one to two
    `poll_seconds`. What is judged is the bytes of one moment (files.py), and it replaces the snapshot by one assignment.

    `on_error` is called on the event loop, once for each state of the directory that cannot be used. `prepare` is
    called in a thread with each snapshot before it is in force, to build what no request should wait for. `is_ready` is
    asked in a thread until it says so: whoever has to know of a policy first does. For POLICY_READY_SECONDS at most,
    because a policy that forbids something must not wait for somebody who is away.
    """

    def __init__(
        self,
        directory: Path,
        on_error: Callable[[ConfigurationError], None],
        *,
        poll_seconds: float = POLICY_POLL_SECONDS,
        settled_polls: int = 1,
        prepare: Callable[[Snapshot], None] = lambda _: None,
        is_ready: Callable[[Snapshot], bool] = lambda _: True,
        now_unix_nano: Callable[[], int] = _NOW_UNIX_NANO,
    ):
        """Loads the policy, so that there is always a snapshot. Raises PolicyError."""
        self._directory = directory
        self._on_error = on_error
        self._poll_seconds = poll_seconds
        self._settled_polls = settled_polls
        self._prepare = prepare
        self._is_ready = is_ready
        self._now_unix_nano = now_unix_nano
        self._snapshot = judge(directory, read_directory(directory)).snapshot
        prepare(self._snapshot)
        self.loaded_unix_nano = now_unix_nano()
        self.last_error: ConfigurationError | None = None
        # Nothing counts as judged yet: a write in the same tick of the file system's clock as the first reading, with
        # the same size, would leave no trace in a signature. The first two polls read once more.
        self._seen: Signature | None = None
        self._same_polls = 0
        self._judged: Signature | None = None
        self._task: asyncio.Task[None] | None = None

    def current(self) -> Snapshot:
        """The last good snapshot."""
        return self._snapshot

    async def start(self) -> None:
        """Begin to follow changes."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="policy-watcher")

    async def stop(self) -> None:
        """Stop following; the snapshot stays usable."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            try:
                await self.poll()
            except Exception as error:  # noqa: BLE001  a watcher that died silently would freeze the policy
                _log.exception("policy watcher failed; the last good policy stays in force")
                self.last_error = ConfigurationError(f"the policy could not be judged ({type(error).__name__})")

    async def poll(self) -> None:
        """One look at the directory; the background task calls this every `poll_seconds`."""
        seen = await asyncio.to_thread(signature, self._directory)
        self._same_polls = self._same_polls + 1 if seen == self._seen else 0
        self._seen = seen
        if self._same_polls < self._settled_polls or seen == self._judged:
            return
        found = await asyncio.to_thread(read_directory, self._directory)
        if found.signature == seen:
            self._judged = seen
            await self._take(found)

    async def _take(self, found: Directory) -> None:
        if not found.problems and found.digest == self._snapshot.digest:
            self.last_error = None  # put back as it was
            return
        try:
            reading = await asyncio.to_thread(judge, self._directory, found)
            await asyncio.to_thread(self._prepare, reading.snapshot)
        except ConfigurationError as error:
            self.last_error = error
            self._on_error(error)
            return
        if not await self._is_awaited(reading.snapshot, found.signature):
            self._judged = None
            return
        self._snapshot = reading.snapshot
        _log.info("policy %s is in force", reading.snapshot.digest[:12])
        self.loaded_unix_nano = self._now_unix_nano()
        self.last_error = None

    async def _is_awaited(self, snapshot: Snapshot, taken: Signature) -> bool:
        """Waits until it may be in force. False: the directory says something else by now."""
        if await asyncio.to_thread(self._is_ready, snapshot):
            return True
        for _ in range(round(POLICY_READY_SECONDS / self._poll_seconds)):
            await asyncio.sleep(self._poll_seconds)
            if await asyncio.to_thread(signature, self._directory) != taken:
                return False
            if await asyncio.to_thread(self._is_ready, snapshot):
                await asyncio.sleep(self._poll_seconds)  # whoever has just been told needs a moment, too
                return True
        _log.warning("policy %s is taken, but Envoy's files do not follow it", snapshot.digest[:12])
        return True
