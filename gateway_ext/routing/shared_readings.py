"""What the processors of a machine have measured, told to one another by a small file of each.

Envoy reports the outcomes of all requests to whichever processor its access log is connected to, so the others would never learn
how deployments fare. A file that is missing, old or damaged is as if nothing had been seen: the order is policy's own then.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import astuple, replace
from pathlib import Path

from gateway_ext.exchange import Outcome
from gateway_ext.limits import NANO
from gateway_ext.routing.measured import DECAY_SECONDS, Health, Measured, Reading, Seen

SECONDS_BETWEEN = 0.5  # writing, and looking for what others have written; failures are told at once
_PATTERN = "readings-*.json"
_UNSEEN = Seen(None, None, None, None, 0)


class SharedReadings:
    """Used on one event loop, which a write holds up for some 50 microseconds, twice a second at most."""

    def __init__(
        self, directory: Path, index: int, monotonic_ns: Callable[[], int], now_unix_nano: Callable[[], int]
    ) -> None:
        self._file = directory / f"readings-{index}.json"
        self._monotonic_ns = monotonic_ns
        self._now_unix_nano = now_unix_nano
        self._own = Measured(monotonic_ns)
        self._written_ns = self._looked_ns = -NANO
        self._failing: frozenset[str] = frozenset()
        self._others: Mapping[str, Seen] = {}

    def observe(self, outcome: Outcome) -> None:
        """As Measured.observe; now and then told to the other processors."""
        self._own.observe(outcome)
        if not outcome.cluster:
            return
        now_ns, failing = self._monotonic_ns(), self._own.failing()
        if failing != self._failing or now_ns - self._written_ns >= SECONDS_BETWEEN * NANO:
            self._written_ns, self._failing = now_ns, failing
            with suppress(OSError):  # what others do not learn they find out by themselves
                self._write(self._own.seen())

    def of(self, cluster: str) -> Reading:
        """What is known now, of whoever has seen the deployment last."""
        now_ns = self._monotonic_ns()
        if now_ns - self._looked_ns >= SECONDS_BETWEEN * NANO:
            self._looked_ns, self._others = now_ns, self._read(now_ns)
        own, other = self._own.seen_of(cluster), self._others.get(cluster, _UNSEEN)
        return max(own or _UNSEEN, other, key=lambda seen: seen.seen_ns).reading(now_ns)

    def whatever_its_health(self, cluster: str) -> Reading:
        """As `of`, for a policy that does not avoid what fails."""
        return replace(self.of(cluster), health=Health.WELL)

    def _write(self, seen: Mapping[str, Seen]) -> None:
        unfinished = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        unfinished.write_text(json.dumps({cluster: astuple(each) for cluster, each in seen.items()}))
        unfinished.replace(self._file)

    def _read(self, now_ns: int) -> Mapping[str, Seen]:
        """The latest of each deployment in the files of the others."""
        found: dict[str, Seen] = {}
        for file in self._file.parent.glob(_PATTERN):
            with suppress(OSError, ValueError, TypeError, AttributeError):
                if file == self._file or self._now_unix_nano() - file.stat().st_mtime_ns > DECAY_SECONDS * NANO:
                    continue
                for cluster, values in json.loads(file.read_text()).items():
                    seen = Seen(*values)
                    if found.get(cluster, _UNSEEN).seen_ns < seen.seen_ns <= now_ns:  # later: before the last boot
                        found[cluster] = seen
        return found
