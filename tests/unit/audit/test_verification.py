import re
from collections.abc import Iterator

import pytest

from gateway_ext.audit.checkpoint import Checkpoint
from gateway_ext.audit.merkle import TreeHead, leaf_hash
from gateway_ext.audit.segments import frame
from gateway_ext.audit.verification import Records, Verdict, verify_by_hashes, verify_by_root
from tests.unit.audit.signed_logs import record

RECORDS = [record(sequence) for sequence in range(1, 10)]


def checkpoint_of(records: list[bytes]) -> Checkpoint:
    head = TreeHead()
    for each in records:
        head.append(leaf_hash(each))
    return Checkpoint("log", len(records), head.root())


def hashes() -> Iterator[bytes]:
    return iter([leaf_hash(each) for each in RECORDS])


def in_segments(*segments: list[bytes]) -> Records:
    return Records(lambda: [b"".join(map(frame, each)) for each in segments])


SIGNED = checkpoint_of(RECORDS)


def test_what_was_signed_is_verified() -> None:
    records = in_segments(RECORDS[:4], RECORDS[4:])
    old = checkpoint_of(RECORDS[:5])
    assert verify_by_root(records, SIGNED, old) == Verdict(verified=9)
    assert verify_by_hashes(records, hashes, SIGNED, old) == Verdict(verified=9)
    assert verify_by_hashes(in_segments(RECORDS[4:]), hashes, SIGNED, old, 4) == Verdict(verified=5)


def test_what_was_written_later_is_counted() -> None:
    older = checkpoint_of(RECORDS[:6])
    assert verify_by_root(in_segments(RECORDS), older) == Verdict(verified=6, later=3)
    assert verify_by_hashes(in_segments(RECORDS), hashes, older) == Verdict(verified=6, later=3)


@pytest.mark.parametrize(
    ("changed", "bad_leaf", "by_root", "by_hashes"),
    [
        ([*RECORDS[:3], *RECORDS[4:]], 3, "leaf 3 is damaged, missing", "leaf 3 is missing or moved; .* leaf 4"),
        (RECORDS[1:], 0, "leaf 0 is damaged", "leaf 0 is missing or moved; .* leaf 1"),
        (RECORDS[:7], 7, "truncated: leaf 7", "truncated: leaf 7"),
        ([*RECORDS[:5], RECORDS[6], RECORDS[5], *RECORDS[7:]], 5, "leaf 5 is damaged", "leaf 5 .* stands leaf 6"),
        ([*RECORDS[:2], RECORDS[1], *RECORDS[2:]], 2, "leaf 2 is damaged", "leaf 2 .* stands leaf 1"),
        ([*RECORDS[:2], b"\xff", *RECORDS[3:]], 2, "leaf 2 is damaged", "leaf 2 was edited"),
        ([], 0, "truncated: leaf 0", "truncated: leaf 0"),
    ],
)
def test_the_first_bad_leaf_is_named(changed: list[bytes], bad_leaf: int, by_root: str, by_hashes: str) -> None:
    root, hashed = (
        verify_by_root(in_segments(changed), SIGNED),
        verify_by_hashes(in_segments(changed), hashes, SIGNED),
    )
    assert root.bad_leaf == hashed.bad_leaf == bad_leaf
    assert re.search(by_root, root.fault)
    assert re.search(by_hashes, hashed.fault)


def test_an_edit_that_fits_in_is_named_by_the_hashes_alone() -> None:
    forged = [*RECORDS[:4], RECORDS[4].replace(b"e5", b"e6"), *RECORDS[5:]]
    verdict = verify_by_root(in_segments(forged), SIGNED)
    assert (verdict.bad_leaf, verdict.verified) == (None, 0)
    assert "one of leaves 0 to 8" in verdict.fault
    assert verify_by_hashes(in_segments(forged), hashes, SIGNED).bad_leaf == 4


def test_damage_between_records_is_counted_and_proves_nothing() -> None:
    whole = list(map(frame, RECORDS))
    records = Records(lambda: [b"".join([*whole[:3], b"foreign", *whole[3:], b"end"])])
    assert verify_by_root(records, SIGNED) == Verdict(verified=9)
    assert (records.foreign_bytes, records.first_foreign) == (10, 3)


def test_a_rollback_shows_against_an_older_checkpoint() -> None:
    older = checkpoint_of(RECORDS)
    shorter = checkpoint_of(RECORDS[:6])
    other = checkpoint_of([*RECORDS[:6], b"x", *RECORDS[7:]])
    for verify in (verify_by_root, lambda records, *signed: verify_by_hashes(records, hashes, *signed)):
        assert "covers 9 leaves, this one 6" in verify(in_segments(RECORDS[:6]), shorter, older).fault
        assert "the first 9 leaves are not those" in verify(in_segments(RECORDS), SIGNED, other).fault


def test_hashes_of_another_log_are_not_believed() -> None:
    for false in ([leaf_hash(b"x")] * 9, [leaf_hash(each) for each in RECORDS[:8]]):
        with pytest.raises(ValueError, match="not the one of this checkpoint"):
            verify_by_hashes(in_segments(RECORDS), lambda false=false: iter(false), SIGNED)  # type: ignore[misc]  # bound now
