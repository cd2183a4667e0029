"""Whose turn it is: start-time fair queueing (Goyal, Vin, Cheng, 1996) in two levels, classes by weight, then users evenly.

Each flow has a virtual time, at which its next request begins; the earliest one is next, and moves on by cost / weight. Who
comes newly begins at the virtual time of the others, so nobody saves up turns by staying away. Of two flows that always have
something waiting neither gets ahead of its weight by more than one request of each.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from gateway_ext.budget.priorities import PriorityClass

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, eq=False)
class Ticket(Generic[Item]):
    """One that waits. `cost` is what it takes of the quota that is short."""

    item: Item
    priority: PriorityClass
    user: str
    cost: int


@dataclass(slots=True)
class _VirtualTimes:
    """Of flows by name. Those behind `now` are forgotten: they would begin at `now` all the same."""

    now: float = 0.0
    begins: dict[str, float] = field(default_factory=dict)

    def first(self, names: list[str]) -> str:
        return min(names, key=lambda name: max(self.begins.get(name, 0.0), self.now))

    def serve(self, name: str, cost: float) -> None:
        begins = max(self.begins.get(name, 0.0), self.now)
        self.now = begins
        self.begins[name] = begins + cost
        self.begins = {each: at for each, at in self.begins.items() if at > self.now}


@dataclass(slots=True)
class _Class(Generic[Item]):
    users: dict[str, deque[Ticket[Item]]] = field(default_factory=dict)
    times: _VirtualTimes = field(default_factory=_VirtualTimes)


class FairQueue(Generic[Item]):
    """Holds whoever waits for one quota."""

    def __init__(self) -> None:
        self._classes: dict[str, _Class[Item]] = {}
        self._times = _VirtualTimes()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def push(self, ticket: Ticket[Item]) -> None:
        """Last among those of its user."""
        users = self._classes.setdefault(ticket.priority.priority, _Class()).users
        users.setdefault(ticket.user, deque()).append(ticket)
        self._length += 1

    def pop(self) -> Ticket[Item] | None:
        """The one whose turn it is; None when nobody waits."""
        waiting = [name for name, each in self._classes.items() if each.users]
        if not waiting:
            return None
        name = self._times.first(waiting)
        chosen = self._classes[name]
        user = chosen.times.first(list(chosen.users))
        ticket = chosen.users[user][0]
        self._take(ticket)
        self._times.serve(name, ticket.cost / ticket.priority.weight)
        chosen.times.serve(user, ticket.cost)
        return ticket

    def remove(self, ticket: Ticket[Item]) -> bool:
        """Whether it still waited: who gives up loses nothing and costs nothing."""
        waiting = self._classes.get(ticket.priority.priority)
        if waiting is None or ticket not in waiting.users.get(ticket.user, ()):
            return False
        self._take(ticket)
        return True

    def _take(self, ticket: Ticket[Item]) -> None:
        users = self._classes[ticket.priority.priority].users
        users[ticket.user].remove(ticket)
        if not users[ticket.user]:
            del users[ticket.user]
        self._length -= 1
