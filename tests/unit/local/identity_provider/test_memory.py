"""What is known for a short time."""

from __future__ import annotations

from gateway_ext.limits import NANO
from gateway_ext.local.identity_provider.memory import ENTRIES_MAX, ShortMemory


def test_it_ends_with_its_time_or_when_taken() -> None:
    clock = [0]
    memory: ShortMemory[str] = ShortMemory(60, lambda: clock[0])
    memory.put("a", "one")
    memory.put("b", "two")
    assert (memory.get("a"), memory.take("a"), memory.take("a"), memory.get("a")) == ("one", "one", None, None)
    clock[0] = 60 * NANO - 1
    assert memory.get("b") == "two"
    clock[0] = 60 * NANO
    assert (memory.get("b"), memory.take("b")) == (None, None)


def test_the_oldest_goes_first() -> None:
    memory: ShortMemory[int] = ShortMemory(60, lambda: 0)
    for index in range(ENTRIES_MAX + 1):
        memory.put(str(index), index)
    assert (memory.get("0"), memory.get("1"), memory.get(str(ENTRIES_MAX))) == (None, 1, ENTRIES_MAX)
