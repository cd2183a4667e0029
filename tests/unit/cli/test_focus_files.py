from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway_ext.budget.reports.focus import Row, rows
from gateway_ext.cli.focus_files import write_rows
from gateway_ext.exchange import Usage
from tests.unit.budget.reports.charged import charged

REQUEST = charged(Usage(1_000, 200, 400))  # three rows


def many(requests: int) -> Iterator[Row]:
    for _ in range(requests):
        yield from rows(REQUEST, "Acme")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_large_export_takes_no_more_memory_than_a_small_one(tmp_path: Path, kind: str) -> None:
    def peak(requests: int) -> int:
        tracemalloc.start()
        try:
            assert write_rows(tmp_path / f"usage.{kind}", many(requests)) == 3 * requests
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1)  # what is loaded once
    assert peak(1_000) < peak(100) + 200_000  # 2,700 rows more, of more than a kilobyte each
