"""kill -9 of a writing process: no accepted record is lost, and the next run goes on."""

import subprocess
import sys
from pathlib import Path

import pytest

from gateway_ext.audit.cursor import Cursor
from gateway_ext.audit.reading import next_batch
from gateway_ext.audit.segments import process_directories

WRITER = Path(__file__).parent / "spool_writer.py"


@pytest.mark.parametrize("records_before_kill", [1, 500])
def test_kill_9_loses_nothing_that_was_accepted(records_before_kill: int, tmp_path: Path) -> None:
    told = []
    for _ in range(2):
        with subprocess.Popen(
            [sys.executable, WRITER, tmp_path, "p0", "1000000", "0"], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            for line in writer.stdout:
                if int(line) >= records_before_kill:
                    break
            writer.kill()
            rest = [line for line in writer.stdout if line.endswith("\n")]
            told.append(int(rest[-1]) if rest else int(line))
    (directory,) = process_directories(tmp_path)
    first, second = runs(directory)
    for accepted, sequences in zip(told, (first, second), strict=True):
        assert sequences == list(range(1, len(sequences) + 1))
        assert len(sequences) in (accepted, accepted + 1)  # killed between the write and telling us


def runs(directory: Path) -> list[list[int]]:
    """Sequences of all records by run, in the order they are read."""
    found: dict[str, list[int]] = {}
    cursor = Cursor()
    while (batch := next_batch(directory, cursor, 512, 1 << 20)).cursor != cursor:
        cursor = batch.cursor
        for event in batch.events:
            found.setdefault(event.run_id, []).append(event.sequence)
    assert (cursor.lost_records, cursor.damaged_bytes) == (0, 0)
    return list(found.values())
