"""Naive quotas: each remembers what was used when, and lets it leak away anew for every question.

The other form of the algorithm (ITU-T I.371: the leaky bucket as a meter), in nanoseconds of refilling, rounded up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import ceil

from gateway_ext.budget.quotas import QuotaLine
from gateway_ext.budget.rules import Reservation
from gateway_ext.exchange import Usage
from gateway_ext.limits import NANO
from gateway_ext.quota import Quota, Unit


def takes(line: QuotaLine, amount: int) -> int:
    """What `amount` is of the bucket; of places, their number."""
    if line.unit is Unit.CONCURRENT:
        return amount
    return ceil(Fraction(amount * line.period_seconds * NANO, line.limit))


def size(line: QuotaLine) -> int:
    return line.limit if line.unit is Unit.CONCURRENT else line.period_seconds * NANO


class QuotaModel:
    def __init__(self) -> None:
        self._used: dict[str, list[tuple[int, int]]] = {}  # when, how much
        self._open: dict[str, list[QuotaLine]] = {}

    def grant(self, asked: Reservation) -> None:
        for line in asked.quotas:
            used = self._used.setdefault(line.key, [])
            if line.unit is not Unit.REQUESTS or line.only_answered:
                self._open.setdefault(asked.id, []).append(line)
            else:
                used.append((asked.created_unix_nano, takes(line, line.amount)))

    def end(self, hold_id: str, usage: Usage | None, cost_nano: int, now_unix_nano: int, *, was_answered: bool) -> None:
        """Only the first end counts."""
        for line in self._open.pop(hold_id, ()):
            used = line.amount
            if line.unit is Unit.CONCURRENT or not was_answered:
                continue
            if line.unit is Unit.TOKENS and usage is not None:
                used = usage.input_tokens + usage.output_tokens
            if line.unit is Unit.MONEY:
                used = cost_nano
            used = min(used, line.amount + line.limit)
            if used and line.key in self._used:  # who took nothing of it does not keep it from being forgotten
                self._used[line.key].append((now_unix_nano, takes(line, used)))

    def prune(self, now_unix_nano: int) -> int:
        full = [key for key in self._used if not self._missing(key, now_unix_nano)]
        for key in full:
            del self._used[key]
        return len(full)

    def without_room(self, asked: Reservation) -> list[QuotaLine]:
        now = asked.created_unix_nano
        return [
            line
            for line in asked.quotas
            if line.amount > line.limit or self._missing(line.key, now) + takes(line, line.amount) > size(line)
        ]

    def untrue(self, told: tuple[Quota, ...], asked: Reservation) -> list[Quota]:
        """What is told to be left, and is not."""
        pairs = zip(told, asked.quotas, strict=True)
        return [quota for quota, line in pairs if quota.left != self._left(line, asked.created_unix_nano)]

    def failures(self, quotas: Mapping[str, tuple[int, int]], now_unix_nano: int) -> Iterator[tuple[str, str]]:
        """(invariant, what was found) for each that `quotas` do not keep: by key, when it is full, and what is held."""
        if not quotas and not self._used:
            return
        held = {key: self._held(key) for key in self._used}
        if {key: each for key, (_, each) in quotas.items()} != held:
            yield "quota held", f"{quotas} instead of {held}"
        used = {key: self._missing(key, now_unix_nano) - held[key] for key in self._used}
        found = {key: max(0, full - now_unix_nano) for key, (full, _) in quotas.items()}
        if found != used:
            yield "quota used", f"{found} instead of {used}"

    def _left(self, line: QuotaLine, now_unix_nano: int) -> int:
        free = max(0, size(line) - self._missing(line.key, now_unix_nano))
        return free if line.unit is Unit.CONCURRENT else free * line.limit // size(line)

    def _held(self, key: str) -> int:
        return sum(takes(line, line.amount) for lines in self._open.values() for line in lines if line.key == key)

    def _missing(self, key: str, now_unix_nano: int) -> int:
        """Of a full bucket: what has not leaked away yet, and what is held."""
        level, at = 0, 0
        for when, amount in self._used.get(key, ()):
            level, at = max(0, level - (when - at)) + amount, when
        return max(0, level - (now_unix_nano - at)) + self._held(key)
