from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

import pytest

from gateway_ext.administration import retention
from gateway_ext.audit.retention.eraser import Eraser
from gateway_ext.audit.retention.hold_store import HoldStore
from gateway_ext.clock import SystemClock
from gateway_ext.errors import AuditUnavailable
from gateway_ext.policy.loader import load_policy
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.settings import Settings
from tests.unit.audit.retention.trail import DAY_SECONDS, Trail, decision

GOOD = Path(__file__).parents[2] / "policies" / "good"


class Policy:
    def __init__(self) -> None:
        self.snapshot = load_policy(GOOD)

    def current(self) -> Snapshot:
        return self.snapshot


@pytest.fixture
def trail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trail:
    """With a record that is due."""
    monkeypatch.setattr(retention, "FIRST_SECONDS", 0.01)
    monkeypatch.setattr(retention, "EVERY_SECONDS", 0.01)
    trail = Trail(tmp_path)
    trail.clock.unix_nano = time.time_ns() - 70 * DAY_SECONDS * 10**9
    trail.write(decision("a", "sovereign"))
    trail.deliver()
    return trail


async def work(trail: Trail, seconds: float = 5.0) -> None:
    """Until nothing is left, or for so long."""
    running = asyncio.get_running_loop().create_task(retention.retain(Settings(state_dir=trail.root), Policy()))
    for _ in range(int(seconds / 0.01)):
        await asyncio.sleep(0.01)
        if not trail.left():
            break
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_what_is_due_is_erased_in_the_background(trail: Trail, caplog: pytest.LogCaptureFixture) -> None:
    HoldStore(trail.root / "holds.sqlite").make("id")
    with caplog.at_level(logging.INFO):
        await work(trail)
    assert trail.left() == []


async def test_why_nothing_is_erased_is_said_once(trail: Trail, caplog: pytest.LogCaptureFixture) -> None:
    await work(trail, 0.3)
    assert len(trail.left()) == 1
    (said,) = (each.getMessage() for each in caplog.records if each.name == "gateway_ext.retention")
    assert "gateway-ext audit hold init" in said


async def test_nothing_is_erased_when_the_clock_was_set(
    trail: Trail, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    HoldStore(trail.root / "holds.sqlite").make("id")
    looks = iter(range(10_000))
    real = SystemClock.now_unix_nano
    monkeypatch.setattr(SystemClock, "now_unix_nano", lambda self: real(self) + next(looks) * 3600 * 10**9)
    await work(trail, 0.3)
    assert len(trail.left()) == 1
    assert "the clock was set since the last look" in caplog.text


async def test_what_cannot_be_announced_is_tried_again(
    trail: Trail, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    HoldStore(trail.root / "holds.sqlite").make("id")
    erase_due, refusals = retention.erase_due, iter([AuditUnavailable(), AuditUnavailable()])

    def unrecorded(eraser: Eraser, snapshot: Snapshot) -> int:
        for refusal in refusals:
            raise refusal
        return erase_due(eraser, snapshot)

    monkeypatch.setattr(retention, "erase_due", unrecorded)
    await work(trail)
    assert trail.left() == []
    assert caplog.text.count("audit_unavailable") == 1
