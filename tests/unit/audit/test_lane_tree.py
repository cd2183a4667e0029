import errno
import os
from pathlib import Path

import pytest

from gateway_ext.audit.hash_file import HashFile
from gateway_ext.audit.lane_tree import LaneTree, NotDurableError, signed_before
from gateway_ext.audit.merkle import TreeHead, leaf_hash
from gateway_ext.audit.segments import frame, segment_path
from gateway_ext.errors import ConfigurationError
from tests.unit.audit.signed_logs import HandClock, SignedState, record, signed_state

RECORDS = [record(sequence) for sequence in range(1, 13)]


def root_of(records: list[bytes]) -> bytes:
    head = TreeHead()
    for each in records:
        head.append(leaf_hash(each))
    return head.root()


def followed(state: SignedState) -> LaneTree:
    tree = LaneTree(state.spool, state.tree, state.archive)
    while tree.absorb():
        pass
    return tree


@pytest.fixture
def state(tmp_path: Path) -> SignedState:
    return signed_state(tmp_path, {1: RECORDS[:5], 2: RECORDS[5:9], 3: RECORDS[9:]})


def test_leaves_are_the_records_in_the_order_of_the_segments(state: SignedState) -> None:
    tree = followed(state)
    assert (tree.size, tree.root()) == (12, root_of(RECORDS))


def test_the_newest_segment_is_followed_while_it_grows(tmp_path: Path) -> None:
    state = SignedState(tmp_path, HandClock())
    state.write(1, RECORDS[:2])
    tree = followed(state)
    assert tree.size == 2
    with segment_path(state.spool, 1).open("ab") as file:
        file.write(frame(RECORDS[2])[:20])
        file.flush()
        tree.absorb()
        assert tree.size == 2  # it may be a record that is just being written
        file.write(frame(RECORDS[2])[20:])
    tree.absorb()
    state.write(2, RECORDS[3:4])
    while tree.absorb():
        pass
    assert (tree.size, tree.root()) == (4, root_of(RECORDS[:4]))


def test_a_torn_end_is_no_leaf_and_damage_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    state = SignedState(tmp_path, HandClock())
    state.write(1, RECORDS[:2])
    with segment_path(state.spool, 1).open("ab") as file:
        file.write(frame(RECORDS[2])[:-1] + frame(RECORDS[3]) + frame(RECORDS[4])[:9])
    state.write(2, RECORDS[5:6])
    tree = followed(state)
    assert (tree.size, tree.root()) == (4, root_of([*RECORDS[:2], RECORDS[3], RECORDS[5]]))
    assert "bytes are no record, before leaf 2" in caplog.text


def test_what_no_checkpoint_covers_is_read_again(state: SignedState) -> None:
    """Killed between hashing and signing, or between the writes of one hash: the end of the file means nothing."""
    state.write(3, [record(13)])
    followed(state).close()
    with (state.tree / "hashes").open("ab") as file:
        file.write(bytes(71))
    with (state.tree / "segments").open("a") as file:
        file.write("4 13\n")
    tree = followed(state)
    assert (tree.size, tree.root()) == (13, root_of([*RECORDS, record(13)]))


@pytest.mark.parametrize("lost", [["hashes"], ["segments"], ["hashes", "segments"]])
def test_lost_hashes_are_made_anew(state: SignedState, lost: list[str], caplog: pytest.LogCaptureFixture) -> None:
    before = (state.tree / "hashes").read_bytes()
    for name in lost:
        (state.tree / name).unlink()
    tree = followed(state)
    assert (tree.size, tree.root()) == (12, root_of(RECORDS))
    assert "are made anew from the segments" in caplog.text
    assert (state.tree / "hashes").read_bytes() == before
    tree.close()
    assert state.log().record_at(7).record == RECORDS[7]


def test_damaged_hashes_are_made_anew(state: SignedState) -> None:
    damaged = bytearray((state.tree / "hashes").read_bytes())
    damaged[-1] ^= 1
    (state.tree / "hashes").write_bytes(damaged)
    assert followed(state).root() == root_of(RECORDS)


def test_a_log_goes_on_when_its_delivered_segments_are_deleted(state: SignedState) -> None:
    assert signed_before(state.tree) == 3
    for number in (1, 2):
        segment_path(state.spool, number).unlink()
    state.write(4, [record(13)])
    tree = followed(state)
    assert (tree.size, tree.root()) == (13, root_of([*RECORDS, record(13)]))
    assert signed_before(state.tree) == 4


def test_a_log_that_cannot_be_made_anew_does_not_go_on(state: SignedState) -> None:
    segment_path(state.spool, 1).unlink()
    (state.tree / "hashes").unlink()
    with pytest.raises(ConfigurationError, match="cannot be continued"):
        LaneTree(state.spool, state.tree, state.archive)


def test_what_is_left_of_the_hashes_stays_when_they_cannot_be_made_anew(state: SignedState) -> None:
    before = (state.tree / "hashes").read_bytes()
    segment_path(state.spool, 1).unlink()
    (state.tree / "segments").unlink()
    with pytest.raises(ConfigurationError, match="cannot be continued"):
        LaneTree(state.spool, state.tree, state.archive)
    assert (state.tree / "hashes").read_bytes() == before


def test_older_checkpoints_than_were_signed_begin_no_other_history(state: SignedState) -> None:
    """Put back, or lost: what was signed since would be signed again, over the records that are left."""
    older = (state.tree / "checkpoints").read_bytes()
    state.write(3, [record(13)])
    state.write(4, [record(14)])
    signed = state.sign().checkpoint
    (state.tree / "checkpoints").write_bytes(older)
    assert followed(state).root() == signed.root  # all records are still there
    for number in (1, 2, 3):
        segment_path(state.spool, number).unlink()
    with pytest.raises(ConfigurationError, match="segment 3, in which it goes on, is gone"):
        LaneTree(state.spool, state.tree, state.archive)
    (state.tree / "checkpoints").unlink()
    with pytest.raises(ConfigurationError, match="segment 1, in which it goes on, is gone"):
        LaneTree(state.spool, state.tree, state.archive)


def test_without_checkpoints_a_log_still_begins_with_its_first_record(state: SignedState) -> None:
    segment_path(state.spool, 1).unlink()
    (state.tree / "checkpoints").unlink()
    (state.tree / "segments").unlink()
    with pytest.raises(ConfigurationError, match="not what was signed"):
        LaneTree(state.spool, state.tree, state.archive)


def test_a_segment_that_was_cut_off_since_it_was_signed_ends_it(state: SignedState) -> None:
    segment_path(state.spool, 3).write_bytes(frame(RECORDS[9]))
    with pytest.raises(ConfigurationError, match="fewer records than were signed"):
        LaneTree(state.spool, state.tree, state.archive)


def test_a_checkpoint_that_cannot_be_read_ends_it(state: SignedState) -> None:
    (state.tree / "checkpoints").write_text("{}\n")
    with pytest.raises(ConfigurationError, match=r"checkpoints: .* damaged; restore"):
        LaneTree(state.spool, state.tree, state.archive)
    assert signed_before(state.tree) == 0


def test_nothing_is_signed_before_the_first_checkpoint(tmp_path: Path) -> None:
    assert signed_before(tmp_path) == 0


def test_records_that_cannot_be_made_durable_are_no_leaves(state: SignedState, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = followed(state)
    state.write(3, [record(13)])

    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(NotDurableError):
        tree.absorb()
    with pytest.raises(NotDurableError):
        tree.sync()
    assert tree.size == 12


def test_the_hashes_are_those_of_the_tree(state: SignedState) -> None:
    assert list(HashFile(state.tree / "hashes").leaf_hashes(12)) == [leaf_hash(each) for each in RECORDS]
