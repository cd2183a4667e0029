import asyncio
import errno
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway_ext import limits
from gateway_ext.audit.checkpoint import open_checkpoint
from gateway_ext.audit.checkpointer import Checkpointer
from gateway_ext.audit.delivery import Answer, Delivery
from gateway_ext.audit.encoding import Event
from gateway_ext.audit.events import EventName
from gateway_ext.audit.lane_tree import signed_before
from gateway_ext.audit.records import DecisionRecord
from gateway_ext.audit.segments import segment_path, segment_sizes
from gateway_ext.audit.shipper import Shipper
from gateway_ext.audit.spool import Spool
from gateway_ext.clock import SystemClock
from gateway_ext.errors import ConfigurationError
from tests.unit.audit.signed_logs import LANE, ORIGIN, HandClock, SignedState, record, signed_state


class Taker:
    """A collector that takes everything."""

    async def export(self, _: Sequence[Event]) -> Delivery:
        return Delivery(Answer.ACCEPTED)


@pytest.fixture
def state(tmp_path: Path) -> SignedState:
    return SignedState(tmp_path, HandClock())


def sizes(state: SignedState) -> list[int]:
    return [each.size for each in state.log().file.all()]


def test_a_log_that_grows_is_signed_after_its_time_or_its_records(state: SignedState) -> None:
    checkpointer = state.checkpointer(seconds=10, records=5)
    state.write(1, [record(1)])
    checkpointer.step()
    state.clock.forward(9.9)
    checkpointer.step()
    with pytest.raises(ConfigurationError, match=r"no checkpoint .* yet"):
        state.log()
    state.clock.forward(0.2)
    checkpointer.step()
    assert sizes(state) == [1]
    state.clock.forward(100)
    checkpointer.step()  # nothing new
    state.write(1, [record(sequence) for sequence in range(2, 6)])
    checkpointer.step()
    assert sizes(state) == [1]
    state.write(1, [record(6)])
    checkpointer.step()
    assert sizes(state) == [1, 6]


def test_each_process_has_a_log_of_its_own_name(state: SignedState) -> None:
    state.write(1, [record(1)])
    other = state.root / "spool" / "control"
    other.mkdir()
    segment_path(other, 1).write_bytes(segment_path(state.spool, 1).read_bytes())
    log = state.sign()
    assert log.checkpoint.origin == f"{ORIGIN}/{LANE}"
    assert open_checkpoint(log.signed.note, log.file.keys()) == log.checkpoint
    assert (state.root / "trees" / "control" / "checkpoints").exists()


def test_a_clock_that_does_not_advance_signs_nothing_until_it_does(
    state: SignedState, caplog: pytest.LogCaptureFixture
) -> None:
    checkpointer = state.checkpointer(records=1)
    state.write(1, [record(1)])
    checkpointer.step()
    for sequence, backwards_nano in ((2, 0), (3, 3_600_000_000_000)):
        state.clock.unix_nano -= backwards_nano
        state.write(1, [record(sequence)])
        checkpointer.step()
    assert sizes(state) == [1]
    assert caplog.text.count("the clock does not stand behind the last checkpoint") == 1  # once an outage
    state.clock.forward(3_601)
    checkpointer.step()
    assert sizes(state) == [1, 3]
    assert "checkpoints are signed again" in caplog.text


def test_a_signer_that_is_away_is_asked_again(state: SignedState, caplog: pytest.LogCaptureFixture) -> None:
    class Away:
        public_key = state.checkpointer()._signer.public_key
        asked = 0

        def sign(self, message: bytes) -> bytes:
            self.asked += 1
            if self.asked < 3:
                raise ConfigurationError("/opt/kms sign: has ended with status 1")
            return state.checkpointer()._signer.sign(message)

    signer = Away()
    checkpointer = Checkpointer(
        state.spool.parent, state.tree.parent, state.archive.parent, ORIGIN, signer, state.clock, 10, 1
    )
    state.write(1, [record(1)])
    for _ in range(3):
        checkpointer.step()
        checkpointer.step()  # not at once
        state.clock.forward(10)
    assert signer.asked == 3
    assert sizes(state) == [1]
    assert caplog.text.count("has ended with status 1") == 1


def test_after_a_restart_the_clock_is_held_against_the_last_checkpoint(state: SignedState) -> None:
    state.write(1, [record(1)])
    state.sign()
    state.write(1, [record(2)])
    state.clock.unix_nano -= 2_000_000_000
    state.sign()
    assert sizes(state) == [1]


def test_of_two_signers_of_one_log_the_slower_one_stops(state: SignedState, caplog: pytest.LogCaptureFixture) -> None:
    state.write(1, [record(1)])
    slow, fast = state.checkpointer(records=2), state.checkpointer(records=1)
    slow.step()
    fast.step()
    state.write(1, [record(2), record(3)])
    state.clock.forward(1)
    slow.step()
    assert sizes(state) == [1]
    assert "another process has signed a checkpoint of it" in caplog.text
    caplog.clear()
    state.clock.forward(1_000)
    slow.step(at_once=True)
    assert sizes(state) == [1]  # for good
    assert caplog.text == ""
    fast.step()
    assert sizes(state) == [1, 3]


async def test_a_second_control_process_does_not_begin(state: SignedState) -> None:
    first = asyncio.get_running_loop().create_task(state.checkpointer().run())
    await asyncio.sleep(0)  # it takes the lock before it first waits
    with pytest.raises(ConfigurationError, match="another process holds"):
        await state.checkpointer().run()
    state.write(1, [record(1)])
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert sizes(state) == [1]  # at its end, whatever the time


def test_an_fsync_that_fails_ends_the_log_and_no_other(
    state: SignedState, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    checkpointer = state.checkpointer(records=1)
    state.write(1, [])
    checkpointer.step()
    state.write(1, [record(1)])
    with monkeypatch.context() as broken:
        broken.setattr("gateway_ext.audit.lane_tree.os.fsync", fail)
        checkpointer.step()
    assert "an fsync failed" in caplog.text
    checkpointer.step()
    assert not (state.tree / "checkpoints").exists()


def test_a_disk_that_is_full_for_a_while_costs_no_leaf(
    state: SignedState, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    checkpointer = state.checkpointer(records=1)
    state.write(1, [record(1), record(2)])
    with monkeypatch.context() as broken:
        broken.setattr("gateway_ext.audit.hash_file.os.pwrite", fail)
        checkpointer.step()
        checkpointer.step()
    assert "not signed now (No space left on device)" in caplog.text
    checkpointer.step()
    assert sizes(state) == [2]
    assert state.log().record_at(1).record == record(2)


def test_a_log_that_is_not_what_was_signed_is_not_signed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    state = signed_state(tmp_path, {1: [record(1), record(2)]})
    (state.tree / "hashes").unlink()
    segment_path(state.spool, 1).unlink()
    state.write(1, [record(1), record(3), record(4)])
    state.sign()
    assert sizes(state) == [2]
    assert "cannot be continued" in caplog.text


def test_a_new_key_is_told_and_both_are_listed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    state = signed_state(tmp_path, {1: [record(1)]})
    caplog.set_level(logging.WARNING)
    (tmp_path / "checkpoint.key").unlink()
    state.write(1, [record(2)])
    log = state.sign()
    assert "another key signs from now on" in caplog.text
    old, new = log.file.keys()
    first, second = log.file.all()
    assert open_checkpoint(first.note, [old]).size == 1
    assert open_checkpoint(second.note, [new]).size == 2


def test_an_origin_that_notes_cannot_carry_is_refused(tmp_path: Path) -> None:
    state = SignedState(tmp_path, HandClock())
    signer = state.checkpointer()._signer
    with pytest.raises(ConfigurationError, match="audit_origin"):
        type(state.checkpointer())(tmp_path, tmp_path, tmp_path, "two words", signer, state.clock)


async def test_what_spool_and_shipper_do_meanwhile_leaves_every_record_provable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Delivered segments are deleted once they are under a checkpoint, and not before."""
    monkeypatch.setattr(limits, "SPOOL_SEGMENT_BYTES", 500)
    refused = DecisionRecord(EventName.DECISION_REFUSED, "e", "refuse", "d", "public", "192.0.2.1")
    state = SignedState(tmp_path, HandClock())
    spool = Spool(tmp_path / "spool", LANE, SystemClock())
    shipper = Shipper(
        tmp_path / "spool",
        {"otlp": Taker()},
        SystemClock(),
        kept_from=lambda directory: signed_before(tmp_path / "trees" / directory.name),
    )

    async def write_and_ship() -> list[int]:
        for _ in range(20):
            spool.append(refused)
        while await shipper.step():
            pass
        return list(segment_sizes(spool.directory))

    unsigned = await write_and_ship()
    assert unsigned[0] == 1  # all are delivered, none is under a checkpoint
    first = state.sign()
    assert (await write_and_ship())[0] == unsigned[-1]
    second = state.sign()
    spool.close()
    assert (first.checkpoint.size, second.checkpoint.size) == (20, 40)
    second.consistency(first.checkpoint)
    second.inclusion(second.record_at(39))
