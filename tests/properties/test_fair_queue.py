"""Whoever comes when: turns go by weight among classes, evenly among users, and nobody is forgotten or served twice."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from gateway_ext.budget.fair_queue import FairQueue, Ticket
from gateway_ext.budget.priorities import Priority, PriorityClass

COST_MAX = 5
CLASSES = st.fixed_dictionaries({priority: st.integers(1, 20) for priority in Priority})
COSTS = st.integers(1, COST_MAX)


def ticket(number: int, priority: Priority, weight: int, user: str, cost: int = 1) -> Ticket[int]:
    return Ticket(number, PriorityClass(priority, weight), user, cost)


@given(weights=CLASSES, costs=st.lists(COSTS, min_size=1, max_size=20), rounds=st.integers(1, 120))
def test_classes_that_always_wait_get_their_weights_part(
    weights: dict[Priority, int], costs: list[int], rounds: int
) -> None:
    queue: FairQueue[int] = FairQueue()
    for number in range(rounds):
        for priority, weight in weights.items():
            queue.push(ticket(number, priority, weight, f"user-{number % 3}", costs[number % len(costs)]))
    served = Counter[Priority]()
    for _ in range(rounds):  # nobody runs out
        chosen = queue.pop()
        assert chosen is not None
        served[chosen.priority.priority] += chosen.cost
        for one, one_weight in weights.items():
            for other, other_weight in weights.items():
                ahead = served[one] / one_weight - served[other] / other_weight
                assert ahead <= COST_MAX / one_weight + COST_MAX / other_weight + 1e-9


@given(costs=st.dictionaries(st.sampled_from("abcdef"), COSTS, min_size=2), rounds=st.integers(1, 60))
def test_users_of_a_class_get_as_much_each(costs: dict[str, int], rounds: int) -> None:
    queue: FairQueue[int] = FairQueue()
    for number in range(rounds):
        for user, cost in costs.items():
            queue.push(ticket(number, Priority.STANDARD, 3, user, cost))
    served = Counter[str]()
    for _ in range(rounds):
        chosen = queue.pop()
        assert chosen is not None
        served[chosen.user] += chosen.cost
        assert max(served[user] for user in costs) - min(served[user] for user in costs) <= 2 * COST_MAX


@given(st.lists(st.tuples(st.sampled_from(["push", "pop", "remove"]), st.integers(0, 8), COSTS), max_size=80))
def test_each_that_came_leaves_once_and_those_of_a_user_in_their_order(steps: list[tuple[str, int, int]]) -> None:
    queue: FairQueue[int] = FairQueue()
    waiting: list[Ticket[int]] = []
    for number, (what, which, cost) in enumerate(steps):
        if what == "push":
            new = ticket(number, list(Priority)[which % 3], 1 + which % 3, f"user-{which % 4}", cost)
            queue.push(new)
            waiting.append(new)
        elif what == "remove" and waiting:
            gone = waiting.pop(which % len(waiting))
            assert queue.remove(gone)
            assert not queue.remove(gone)
        elif what == "pop":
            chosen = queue.pop()
            assert (chosen is None) is (not waiting)
            if chosen is not None:
                before = [each for each in waiting if (each.priority, each.user) == (chosen.priority, chosen.user)]
                assert chosen is before[0]
                waiting.remove(chosen)
        assert len(queue) == len(waiting)


@given(away=st.integers(1, 50))
def test_staying_away_saves_up_no_turns(away: int) -> None:
    queue: FairQueue[int] = FairQueue()
    queue.push(ticket(0, Priority.BATCH, 1, "late"))
    queue.push(ticket(0, Priority.BATCH, 1, "always"))
    for number in range(away):
        queue.push(ticket(number, Priority.BATCH, 1, "always"))
    for _ in range(away):
        queue.pop()
    for number in range(10):
        queue.push(ticket(number, Priority.BATCH, 1, "late"))
        queue.push(ticket(number, Priority.BATCH, 1, "always"))
    order = [chosen.user for _ in range(6) if (chosen := queue.pop()) is not None]
    assert 2 <= order.count("late") <= 4
