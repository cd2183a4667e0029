"""What this process has seen of deployments: how fast they answer, how long their answers are, whether they fail.

From the outcomes that Envoy's access log reports. Envoy reports to one processor for all (routing/shared_readings.py tells the
others), and nothing survives a restart: within a few requests it is known again, and until then policy's order stands.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from gateway_ext.exchange import Outcome
from gateway_ext.limits import NANO

CLUSTERS_MAX = 1_024  # about 500 bytes each; the one that was seen longest ago is forgotten for one more
DECAY_SECONDS = 300.0  # after so long a sample weighs 1/e of a new one
SAMPLES_MIN = 3.0  # that must be left after decay for an average to say anything
FAILURES_MAX = 3  # one after another, before a deployment counts as failing
AVOIDED_SECONDS = 10.0  # at first; twice as long after each try that fails
AVOIDED_SECONDS_MAX = 300.0

_REFUSED_BY_US = frozenset({"answer_blocked", "answer_uninspected", "credential_revoked", "person_disabled", "stopped"})
_BROKEN = frozenset({"timeout", "upstream_reset", "upstream_protocol_error"})


class Health(Enum):
    WELL = "well"
    FAILING = "failing"
    ON_PROBATION = "on_probation"  # has failed, and may be tried again


@dataclass(frozen=True, slots=True)
class Reading:
    """Averages, of which the last minutes weigh most; None: too few samples. Times of answers without error."""

    first_byte_ns: float | None = None
    duration_ns: float | None = None
    output_tokens: float | None = None
    health: Health = Health.WELL


@dataclass(frozen=True, slots=True)
class Seen:
    """What was known of a deployment when it was last seen. Times are of the machine's monotonic clock."""

    first_byte_ns: float | None
    duration_ns: float | None
    output_tokens: float | None
    avoided_until_ns: int | None
    seen_ns: int

    def reading(self, now_ns: int) -> Reading:
        if self.avoided_until_ns is None:
            health = Health.WELL
        else:
            health = Health.FAILING if now_ns < self.avoided_until_ns else Health.ON_PROBATION
        return Reading(self.first_byte_ns, self.duration_ns, self.output_tokens, health)


class Measured:
    """One in each processor."""

    def __init__(self, monotonic_ns: Callable[[], int]) -> None:
        self._monotonic_ns = monotonic_ns
        self._deployments: dict[str, _Deployment] = {}  # the one seen longest ago first

    def observe(self, outcome: Outcome) -> None:
        """Learn from an exchange that has ended.

        An outcome names only the deployment of the last attempt. Envoy's nth attempt goes to the nth of `outcome.tried`, so
        those before it have failed.
        """
        if not outcome.cluster:
            return
        now_ns = self._monotonic_ns()
        for cluster in _failed_before(outcome):
            self._of(cluster).failed(now_ns)
        deployment = self._of(outcome.cluster)
        if _has_failed(outcome):
            deployment.failed(now_ns)
        elif 200 <= outcome.http_status < 500 and _REFUSED_BY_US.isdisjoint(outcome.flags):
            deployment.answered()
            if outcome.http_status < 300:
                deployment.measure(outcome, now_ns)

    def of(self, cluster: str) -> Reading:
        """What is known of a deployment now."""
        deployment = self._deployments.get(cluster)
        return deployment.reading(self._monotonic_ns()) if deployment is not None else _UNKNOWN

    def whatever_its_health(self, cluster: str) -> Reading:
        """As `of`, for a policy that does not avoid what fails."""
        return replace(self.of(cluster), health=Health.WELL)

    def seen_of(self, cluster: str) -> Seen | None:
        """What is known of one deployment; None: nothing."""
        deployment = self._deployments.get(cluster)
        return deployment.seen(self._monotonic_ns()) if deployment is not None else None

    def failing(self) -> frozenset[str]:
        """The deployments that have failed and have not answered since."""
        return frozenset(name for name, each in self._deployments.items() if each.avoided_until_ns is not None)

    def seen(self) -> dict[str, Seen]:
        """What is known of each deployment, for others to read at any later time."""
        now_ns = self._monotonic_ns()
        return {cluster: deployment.seen(now_ns) for cluster, deployment in self._deployments.items()}

    def _of(self, cluster: str) -> _Deployment:
        deployment = self._deployments.pop(cluster, None)
        if deployment is None:
            deployment = _Deployment()
            if len(self._deployments) >= CLUSTERS_MAX:
                del self._deployments[next(iter(self._deployments))]
        deployment.seen_ns = self._monotonic_ns()
        self._deployments[cluster] = deployment
        return deployment


def _failed_before(outcome: Outcome) -> Sequence[str]:
    if outcome.attempts < 2 or outcome.cluster not in outcome.tried:
        return ()
    place = outcome.tried.index(outcome.cluster)
    return outcome.tried[:place] if outcome.attempts > place else ()


def _has_failed(outcome: Outcome) -> bool:
    """Whether the fault is the deployment's: an error, no answer in time, one that breaks off, our key or rate refused."""
    if not _REFUSED_BY_US.isdisjoint(outcome.flags):
        return False
    is_refused = outcome.http_status >= 500 or outcome.http_status in (401, 429)
    return is_refused or not _BROKEN.isdisjoint(outcome.flags)


@dataclass(slots=True)
class _Average:
    """Exponentially weighted by age."""

    value: float = 0.0
    samples: float = 0.0
    updated_ns: int = 0

    def add(self, value: float, now_ns: int) -> None:
        before = self._left(now_ns)
        self.samples = before + 1.0
        self.value += (value - self.value) / self.samples
        self.updated_ns = now_ns

    def read(self, now_ns: int) -> float | None:
        return self.value if self._left(now_ns) >= SAMPLES_MIN else None

    def _left(self, now_ns: int) -> float:
        return self.samples * math.exp((self.updated_ns - now_ns) / (DECAY_SECONDS * NANO))


@dataclass(slots=True)
class _Deployment:
    first_byte_ns: _Average = field(default_factory=_Average)
    duration_ns: _Average = field(default_factory=_Average)
    output_tokens: _Average = field(default_factory=_Average)
    seen_ns: int = 0
    failures: int = 0  # one after another; of those that come while it is avoided, none
    avoided_until_ns: int | None = None

    def failed(self, now_ns: int) -> None:
        if self.avoided_until_ns is not None and now_ns < self.avoided_until_ns:
            return  # was under way already, or nothing else was left
        self.failures += 1
        if self.failures >= FAILURES_MAX:
            doubled = min(self.failures - FAILURES_MAX, 10)
            seconds = min(AVOIDED_SECONDS * 2**doubled, AVOIDED_SECONDS_MAX)
            self.avoided_until_ns = now_ns + round(seconds * NANO)

    def answered(self) -> None:
        self.failures, self.avoided_until_ns = 0, None

    def measure(self, outcome: Outcome, now_ns: int) -> None:
        if outcome.attempts <= 1 and outcome.time_to_first_byte_ns:  # else the time of failed attempts is in it
            self.first_byte_ns.add(outcome.time_to_first_byte_ns, now_ns)
        if not outcome.saw_end_of_stream:
            return
        if served_ns := outcome.served_ns or (outcome.duration_ns if outcome.attempts <= 1 else 0):
            self.duration_ns.add(served_ns, now_ns)
        if outcome.usage is not None and not outcome.usage.is_estimated:
            self.output_tokens.add(outcome.usage.output_tokens, now_ns)

    def reading(self, now_ns: int) -> Reading:
        return self.seen(now_ns).reading(now_ns)

    def seen(self, now_ns: int) -> Seen:
        read = (self.first_byte_ns.read(now_ns), self.duration_ns.read(now_ns), self.output_tokens.read(now_ns))
        return Seen(*read, self.avoided_until_ns, self.seen_ns)


_UNKNOWN = Reading()
