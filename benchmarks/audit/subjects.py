"""What pseudonyms cost: CPU time of a decision record, and what meeting somebody for the first time takes.

Run: python -m benchmarks.audit.subjects [--directory DIR on the disk to be measured]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.audit.append import typical_record
from gateway_ext.audit.encoding import encode_event
from gateway_ext.audit.records import AuditRecord
from gateway_ext.clock import SystemClock
from gateway_ext.subjects.known import KnownSubjects
from gateway_ext.veiled import VeiledLog

RECORDS = 20_000
PEOPLE = 200


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds: of a record, which is encoded and not written, of CPU; of a first sight as the clock tells."""

    plain_record: float
    pseudonymous_record: float
    first_sight_ever: float
    first_sight_of_a_process: float


class Encoding:
    """An AuditLog that does what costs CPU time, and writes nothing."""

    def append(self, record: AuditRecord) -> None:
        encode_event(record, processor="processor-0", run_id="0" * 32, sequence=1, time_unix_nano=1)

    async def durable(self) -> None:
        """Nothing is written."""


def measure(directory: Path, records: int = RECORDS, people: int = PEOPLE) -> Costs:
    """In a new store below `directory`."""
    path = directory / "subjects.sqlite"
    first, second = (KnownSubjects(path, SystemClock()) for _ in range(2))
    names = iter([f"person-{number}@works.example" for number in range(people)] * 2)
    first.begin()
    ever = _each(people, lambda: first.of(next(names)), time.perf_counter)
    second.begin()
    again = _each(people, lambda: second.of(next(names)), time.perf_counter)
    record = typical_record()
    assert record.principal is not None
    record = replace(record, principal=replace(record.principal, email="person@works.example"))
    plain, veiled = (VeiledLog(Encoding(), second, lambda mode=mode: mode) for mode in (False, True))  # type: ignore[misc]  # bound now
    return Costs(
        plain_record=_each(records, lambda: plain.append(record), time.process_time),
        pseudonymous_record=_each(records, lambda: veiled.append(record), time.process_time),
        first_sight_ever=ever,
        first_sight_of_a_process=again,
    )


def _each(count: int, step: Callable[[], object], clock: Callable[[], float]) -> float:
    began = clock()
    for _ in range(count):
        step()
    return (clock() - began) / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        costs = measure(Path(directory))
    print(f"record, plain           {costs.plain_record * 1e6:7.1f} µs")
    print(f"record, pseudonymous    {costs.pseudonymous_record * 1e6:7.1f} µs")
    print(f"first sight ever        {costs.first_sight_ever * 1e6:7.0f} µs")
    print(f"first sight of a process{costs.first_sight_of_a_process * 1e6:7.0f} µs")


if __name__ == "__main__":
    main()
