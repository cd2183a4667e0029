"""CPU time of this process, all threads together: what others do on the machine does not count."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence

SECONDS_MIN = 0.02  # for which a work is repeated
TIMES_MAX = 200


async def milliseconds(work: Callable[[], Awaitable[object]]) -> float:
    """Mean of one `work`."""
    gc.collect()
    times, began = 0, time.process_time()
    while True:
        await work()
        times += 1
        spent = time.process_time() - began
        if spent >= SECONDS_MIN or times == TIMES_MAX:
            return spent / times * 1e3


async def taking_turns(sizes: Sequence[int], cost: Callable[[int], Awaitable[float]], turns: int) -> tuple[float, ...]:
    """The median cost at each of `sizes`, which take turns: a noisy neighbour hits all of them."""
    found: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(turns):
        for size in sizes:
            found[size].append(await cost(size))
    return tuple(statistics.median(found[size]) for size in sizes)


async def once(work: Callable[[], Awaitable[object]]) -> float:
    """Milliseconds of what cannot be done twice."""
    began = time.process_time()
    await work()
    return (time.process_time() - began) * 1e3
