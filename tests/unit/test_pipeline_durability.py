"""No record, no request: whatever the audit log's storage does, nothing is forwarded of which there is no record."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway_ext import limits
from gateway_ext.audit.events import EventName
from gateway_ext.audit.reading import last_events
from gateway_ext.audit.records import OutcomeRecord
from gateway_ext.audit.spool import Spool
from gateway_ext.clock import SystemClock
from gateway_ext.exchange import Answer, Outcome
from gateway_ext.response.forwarded import Forwarded
from tests.unit.pipeline_world import World, code

DISK_BYTES = 96 * 1024
RESERVE_BYTES = 32 * 1024
OWED = OutcomeRecord(
    EventName.OUTCOME_SETTLED,
    Outcome("e", "hold", 200, "eu/m", None, 1, 1, 1, 1, 1, True, "access_log"),
    usage=None,
    cost_nano=0,
    currency="EUR",
    served_by=None,
)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.ledger.open()
    yield made
    await made.ledger.close()


# --- what is waited for ----------------------------------------------------------------------------------------------


async def test_the_decision_is_safe_before_it_takes_effect(world: World) -> None:
    assert isinstance(await world.send("hi"), Forwarded)
    assert world.audit.awaited == [1]


async def test_a_refusal_is_not_waited_for(world: World) -> None:
    assert code(await world.send("hi", model="unknown")) == "model_not_found"
    assert len(world.audit.records) == 1
    assert world.audit.awaited == []


async def test_what_the_disk_has_lost_is_not_forwarded(world: World) -> None:
    world.audit.is_lost = True
    assert code(await world.send("hi")) == "audit_unavailable"
    assert world.held() == 0
    assert world.decision.name is EventName.DECISION_REFUSED, "which takes back what was written before it"


async def test_who_leaves_while_the_disk_works_is_not_forwarded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = asyncio.Event()

    async def durable() -> None:
        waits.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(world.audit, "durable", durable)
    sending = asyncio.get_running_loop().create_task(world.send("hi"))
    await waits.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await world.pipeline.background.drain(5)
    assert world.held() == 0
    assert (world.decision.name, world.decision.reason) == (EventName.DECISION_REFUSED, "interrupted")


async def test_an_answer_that_was_read_is_released_when_its_record_is_safe(world: World) -> None:
    world.change("guard", inspects_responses=True)
    decided = await world.send("hi")
    assert isinstance(decided, Forwarded)
    said = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"Hello"}}]}'
    assert not isinstance(await world.pipeline.answers.pass_whole(decided, said), Answer)
    assert world.audit.awaited == [1, 2]
    world.audit.is_lost = True
    assert code(await world.pipeline.answers.pass_whole(decided, said)) == "answer_uninspected"  # type: ignore[arg-type]


# --- real storage that fails -----------------------------------------------------------------------------------------


def spooling(world: World, root: Path, *, power_loss: bool, reserve_bytes: int = 0) -> Spool:
    """Have the pipeline record in a spool, of which nothing is delivered."""
    spool = Spool(root, "p0", SystemClock(), 1 << 20, 0.005, reserve_bytes=reserve_bytes, power_loss=power_loss)
    world.record_in(spool)
    return spool


async def forwarded(world: World, requests: int) -> tuple[list[str], list[str]]:
    """Exchanges that were forwarded, and the codes of those that were not."""
    passed, codes = list[str](), list[str]()
    for _ in range(requests):
        decided = await world.send("hi")
        if isinstance(decided, Forwarded):
            passed.append(decided.exchange.id)
        else:
            codes.append(code(decided))
    return passed, codes


def recorded(root: Path) -> list[str]:
    """The exchanges that the trail says were forwarded."""
    events = last_events(root / "p0", 10_000)
    return [event.exchange_id for event in events if event.name == EventName.DECISION_FORWARDED]


def break_storage(monkeypatch: pytest.MonkeyPatch, call: str, error: int, persisted_bytes: int) -> None:
    """From now on `os.call` fails on segments."""
    real = getattr(os, call)

    def failing(where: int | Path, *arguments: bytes) -> object:
        path = str(where) if isinstance(where, Path) else os.readlink(f"/proc/self/fd/{where}")
        if not path.endswith(".segment"):
            return real(where, *arguments)
        if persisted_bytes:
            real(where, arguments[0][:persisted_bytes])
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, call, failing)


@pytest.mark.parametrize("power_loss", [False, True])
@pytest.mark.parametrize(
    ("call", "error", "persisted_bytes"),
    [
        ("write", errno.ENOSPC, 0),
        ("write", errno.ENOSPC, 100),
        ("write", errno.EDQUOT, 0),
        ("write", errno.EIO, 0),
        ("write", errno.EIO, 100),
        ("write", errno.EROFS, 0),
        ("open", errno.EACCES, 0),
        ("open", errno.EROFS, 0),
        ("open", errno.EMFILE, 0),
    ],
)
async def test_storage_that_fails_refuses_and_comes_back(
    call: str,
    error: int,
    persisted_bytes: int,
    power_loss: bool,
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "SPOOL_SEGMENT_BYTES", 2_000)  # so that a new one has to be opened soon
    spool = spooling(world, tmp_path / "spool", power_loss=power_loss)
    passed, codes = await forwarded(world, 1)
    assert not codes
    with monkeypatch.context() as patch:
        break_storage(patch, call, error, persisted_bytes)
        more, codes = await forwarded(world, 5)
    assert set(codes) == {"audit_unavailable"}
    assert not more or call == "open", "there may be room in the segment that is open"
    after, codes = await forwarded(world, 2)
    assert not codes, "it goes on by itself"
    spool.close()
    assert recorded(tmp_path / "spool") == passed + more + after
    assert not spool.failed


@pytest.mark.parametrize("power_loss", [False, True])
async def test_after_a_failed_fsync_nothing_is_forwarded_any_more(
    power_loss: bool, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = spooling(world, tmp_path / "spool", power_loss=power_loss)
    before, _ = await forwarded(world, 2)
    with monkeypatch.context() as patch:
        break_storage(patch, "fsync", errno.EIO, 0)
        passed, _ = await forwarded(world, 1)
        await asyncio.to_thread(spool.close)  # which syncs, if nothing has before
    assert spool.failed
    assert await forwarded(world, 3) == ([], ["audit_unavailable"] * 3)
    assert not (power_loss and passed), "else what was written may be lost, in the group's window"
    assert set(before + passed) <= set(recorded(tmp_path / "spool"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of DISK_BYTES."""
    place = tmp_path / "disk"
    place.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(place)]
    if subprocess.run(["mount", *options], capture_output=True, check=False).returncode:
        pytest.skip("mounting takes root")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)  # of a test that fails, files may be open


@pytest.mark.parametrize("reserve_bytes", [0, RESERVE_BYTES])
async def test_a_full_disk_refuses_until_there_is_room(reserve_bytes: int, world: World, small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(DISK_BYTES // 4))
    with closing(spooling(world, small_disk / "spool", power_loss=True, reserve_bytes=reserve_bytes)) as spool:
        passed, refused = await forwarded(world, 1)
        while not refused:
            more, refused = await forwarded(world, 1)
            passed += more
        disk = os.statvfs(small_disk)
        assert abs(disk.f_bavail * disk.f_frsize - reserve_bytes) <= 2 * disk.f_frsize
        assert await forwarded(world, 3) == ([], ["audit_unavailable"] * 3)
        if reserve_bytes:
            spool.append(OWED)  # which the reserve is for
        ballast.unlink()
        after, refused = await forwarded(world, 3)
        assert not refused
    assert recorded(small_disk / "spool") == passed + after
