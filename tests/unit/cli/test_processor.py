"""A process whose audit spool has failed ends by itself, so that its supervisor starts it on a fresh segment."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from gateway_ext.cli.signals import ends_in_order

FAILING_DISK = Path(__file__).parent / "failing_disk.py"
POLICIES = Path(__file__).parents[3] / "policies"


@pytest.mark.parametrize("command", ["processor", "control"])
def test_a_failed_fsync_ends_the_process_with_1(tmp_path: Path, command: str) -> None:
    ended = subprocess.run(
        [sys.executable, FAILING_DISK, command, "--state", tmp_path, "--policies", POLICIES],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.returncode == 1
    assert "fsync failed" in ended.stderr
    assert "ends at once: its audit spool has failed" in ended.stderr
    assert "drains" not in ended.stderr
    assert "Traceback" not in ended.stderr


async def test_a_stop_is_in_order_and_a_failure_is_not() -> None:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(ends_in_order(stop, lambda: False))
        await asyncio.sleep(0)
        assert not waiting.done()
        stop.set()
    assert waiting.result() is True
    assert await ends_in_order(asyncio.Event(), lambda: True) is False
