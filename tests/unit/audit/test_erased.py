import pytest

from gateway_ext.audit.encoding import decode_event
from gateway_ext.audit.erased import MARK, Leaf, leaf_of, leaves, leaves_in, segment_of
from gateway_ext.audit.segments import frame
from tests.unit.audit.signed_logs import record

RECORDS = [record(sequence) for sequence in range(1, 6)]
LEAVES = [leaf_of(each) for each in RECORDS]
ERASED = [Leaf(leaf.hash, None) for leaf in LEAVES]


def test_a_segment_without_erased_records_is_as_it_was_written() -> None:
    assert segment_of(LEAVES) == b"".join(map(frame, RECORDS))
    assert list(leaves(segment_of(LEAVES))) == LEAVES


def test_of_erased_records_the_leaf_hashes_are_left_and_nothing_else() -> None:
    some = [LEAVES[0], *ERASED[1:3], LEAVES[3], ERASED[4]]
    content = segment_of(some)
    assert list(leaves(content)) == some
    assert RECORDS[1] not in content
    assert len(segment_of(ERASED)) == len(frame(MARK)) + 32 * len(ERASED)  # one frame for a run


def test_no_record_can_be_taken_for_an_erased_one() -> None:
    with pytest.raises(ValueError, match="not an audit event"):
        decode_event(MARK + LEAVES[0].hash)


@pytest.mark.parametrize("payload", [MARK, MARK + bytes(31), MARK + bytes(33), b"", b"\0", bytes(64)])
def test_what_is_no_whole_run_of_hashes_is_a_leaf_of_its_own(payload: bytes) -> None:
    """So its hash is not the one that was signed."""
    assert list(leaves_in(payload)) == [leaf_of(payload)]
