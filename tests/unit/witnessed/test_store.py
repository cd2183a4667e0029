from __future__ import annotations

import multiprocessing
from multiprocessing.synchronize import Barrier
from pathlib import Path

from gateway_ext.witnessed.store import Kind, WitnessedStore

KIND = Kind("test store", 1, "CREATE TABLE thing (name TEXT) STRICT", "make it")


def _make(path: Path, number: int, barrier: Barrier, results: multiprocessing.Queue[tuple[int, bool]]) -> None:
    store = WitnessedStore(path, KIND)
    barrier.wait()
    results.put((number, store.make(f"made by {number}")))


def test_of_many_that_begin_a_store_at_the_same_time_one_does_and_all_agree(tmp_path: Path) -> None:
    context, path = multiprocessing.get_context("fork"), tmp_path / "store.sqlite"
    results, barrier = context.Queue(), context.Barrier(4)
    processes = [context.Process(target=_make, args=(path, number, barrier, results)) for number in range(4)]
    for process in processes:
        process.start()
    made = dict(results.get(timeout=20) for _ in processes)
    for process in processes:
        process.join()
    (maker,) = [number for number, is_new in made.items() if is_new]
    with WitnessedStore(path, KIND).reading() as connection:
        assert connection.execute("SELECT id FROM store").fetchall() == [(f"made by {maker}",)]
