"""Plays histories: `python -m tests.simulator.run --histories 1000 --workers 2`, or one again: `… --seed 4711`."""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import secrets
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.simulator.books import SqliteBooks
from tests.simulator.history import History
from tests.simulator.invariants import ViolationError
from tests.simulator.lease_history import LeaseHistory

AT_ONCE = 500  # histories on one ledger
OF_LEASES = 25  # each such history is one of processors with leases

logging.getLogger("gateway_ext").addHandler(logging.NullHandler())  # what processors without a ledger have to say


def history_of(books: SqliteBooks, seed: int) -> History | LeaseHistory:
    """The one that this seed draws."""
    return LeaseHistory(books, seed) if seed % OF_LEASES == 0 else History(books, seed)


def first_violation(seeds: range) -> str:
    """Plays these histories. What the first one that fails has to say; empty: none does."""
    books = SqliteBooks()
    for seed in seeds:
        try:
            history_of(books, seed).run()
        except ViolationError as violation:
            return f"{violation}\nagain: python -m tests.simulator.run --seed {seed}"
        except Exception as error:
            error.add_note(f"again: python -m tests.simulator.run --seed {seed}")
            raise
    return ""


def violations(first_seed: int, histories: int, workers: int) -> Iterator[str]:
    """Of each batch of histories the first one that fails. Two workers play twice as many a second as one."""
    starts = range(first_seed, first_seed + histories, AT_ONCE)
    batches = [range(start, min(start + AT_ONCE, first_seed + histories)) for start in starts]
    spawning = partial(multiprocessing.get_context, "spawn")  # the caller may have threads
    with ProcessPoolExecutor(workers, mp_context=spawning()) as pool:
        yield from filter(None, pool.map(first_violation, batches))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, help="play this history alone")
    parser.add_argument("--histories", type=int, default=1_000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    if options.seed is not None:
        found = first_violation(range(options.seed, options.seed + 1))
    else:
        first_seed = secrets.randbits(40)
        print(f"histories {first_seed} to {first_seed + options.histories - 1}")
        found = next(violations(first_seed, options.histories, options.workers), "")
    sys.exit(found or None)


if __name__ == "__main__":
    main()
