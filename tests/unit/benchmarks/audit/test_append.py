"""The benchmark of the audit log's durability, on a disk that takes its time."""

import os
import time
from pathlib import Path

import pytest

from benchmarks.audit.append import fsync_seconds, measure, percentile
from gateway_ext.settings import Durability

FSYNC_SECONDS = 0.01
AT_ONCE = 8


@pytest.fixture(autouse=True)
def slow_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: time.sleep(FSYNC_SECONDS))


async def test_a_record_waits_for_the_disk_only_when_power_cuts_are_to_take_none(tmp_path: Path) -> None:
    crash = await measure(tmp_path, Durability.PROCESS_CRASH, AT_ONCE, seconds=0.1)
    power = await measure(tmp_path, Durability.POWER_LOSS, AT_ONCE, seconds=0.1)
    assert crash.p50_seconds < FSYNC_SECONDS <= power.p50_seconds <= power.p99_seconds
    assert power.records_per_second > 2 / FSYNC_SECONDS, "those who wait at once share an fsync"


def test_the_disk_alone_is_measured_beside_it(tmp_path: Path) -> None:
    durations_seconds = fsync_seconds(tmp_path, 3)
    assert len(durations_seconds) == 3
    assert percentile(durations_seconds, 50) >= FSYNC_SECONDS
