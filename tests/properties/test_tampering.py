"""Whatever is done to a signed log, verification says so, and with the log's hashes names the first leaf it was done to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_ext.audit.checkpoint import Checkpoint
from gateway_ext.audit.erased import Leaf, leaf_of, segment_of
from gateway_ext.audit.merkle import (
    TreeHead,
    consistency_path,
    inclusion_path,
    leaf_hash,
    subtree_hash,
    verify_consistency,
    verify_inclusion,
)
from gateway_ext.audit.segments import frame
from gateway_ext.audit.verification import Records, Verdict, verify_by_hashes, verify_by_root
from tests.unit.audit.signed_logs import record

RECORDS = [record(sequence) for sequence in range(1, 7)]


class Tree:
    """A tree over given leaves, with all its nodes."""

    def __init__(self, leaves: Sequence[bytes]):
        head = TreeHead()
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.roots = [head.root()]
        for leaf in leaves:
            for level, node in enumerate(head.append(leaf)):
                self.nodes[level, (head.size - 1) >> level] = node
            self.roots.append(head.root())

    def node(self, level: int, index: int) -> bytes:
        return self.nodes[level, index]


def checkpoint_of(records: Sequence[bytes]) -> Checkpoint:
    return Checkpoint("log", len(records), Tree([leaf_hash(each) for each in records]).roots[-1])


def judged(segment: bytes, signed: Sequence[bytes]) -> tuple[Verdict, Verdict]:
    checkpoint = checkpoint_of(signed)

    def hashes() -> Iterator[bytes]:
        return map(leaf_hash, signed)

    records = Records(lambda: [segment])
    return verify_by_root(records, checkpoint), verify_by_hashes(records, hashes, checkpoint)


def erased_frames() -> list[tuple[bytes, list[int]]]:
    """A log of which leaves 1, 2 and 4 are erased, frame by frame, with the leaves of each."""
    kept = [leaf_of(each) for each in RECORDS]
    gone = [Leaf(leaf.hash, None) for leaf in kept]
    runs = [[0], [1, 2], [3], [4], [5]]
    return [(segment_of((gone if run[0] in (1, 4) else kept)[leaf] for leaf in run), run) for run in runs]


def test_every_edit_of_every_byte_of_a_log_with_erased_records_is_found() -> None:
    """Where a whole run of erased leaves is one frame, its first leaf is named."""
    frames = erased_frames()
    whole = b"".join(content for content, _ in frames)
    first_of = [leaves[0] for content, leaves in frames for _ in content]
    for verdict in judged(whole, RECORDS):
        assert (verdict.fault, verdict.erased, verdict.verified) == ("", 3, 3)
    for at in range(len(whole)):
        for flipped in (0x01, 0xFF):
            changed = bytearray(whole)
            changed[at] ^= flipped
            for verdict in judged(bytes(changed), RECORDS):
                assert verdict.fault
                assert verdict.bad_leaf == first_of[at]


def test_every_truncation_of_a_log_with_erased_records_is_found() -> None:
    frames = erased_frames()
    whole = b"".join(content for content, _ in frames)
    first_of = [leaves[0] for content, leaves in frames for _ in content]
    for end in range(len(whole)):
        for verdict in judged(whole[:end], RECORDS):
            assert (bool(verdict.fault), verdict.bad_leaf) == (True, first_of[end])


@given(st.lists(st.booleans(), min_size=6, max_size=6), st.data())
@settings(max_examples=80)
def test_forged_hashes_of_erased_records_are_found(is_erased: list[bool], data: st.DataObject) -> None:
    """With new checksums: another hash, one too many or too few, two of them swapped."""
    found = [Leaf(leaf_hash(each), None if gone else each) for each, gone in zip(RECORDS, is_erased, strict=True)]
    at = data.draw(st.integers(0, 5))
    match data.draw(st.sampled_from(["other", "more", "fewer", "swap"])):
        case "other":
            found[at] = Leaf(data.draw(st.binary(min_size=32, max_size=32)), None)
        case "more":
            at = min(at, 4)  # behind the last one it would be a later record
            found.insert(at, Leaf(found[at].hash, None))
        case "fewer":
            del found[at]
        case _:
            other = data.draw(st.integers(0, 5).filter(lambda other: other != at))
            found[at], found[other] = found[other], found[at]
    by_root, by_hashes = judged(segment_of(found), RECORDS)
    assert by_root.fault
    assert by_hashes.fault


def test_every_edit_of_every_byte_of_a_log_is_found_and_its_leaf_named() -> None:
    frames = list(map(frame, RECORDS))
    whole = b"".join(frames)
    leaf_of = [leaf for leaf, each in enumerate(frames) for _ in each]
    for at in range(len(whole)):
        for flipped in (0x01, 0x80, 0xFF):
            changed = bytearray(whole)
            changed[at] ^= flipped
            for verdict in judged(bytes(changed), RECORDS):
                assert verdict.fault
                assert verdict.bad_leaf == leaf_of[at]


def test_every_truncation_of_a_log_is_found_and_its_leaf_named() -> None:
    frames = list(map(frame, RECORDS))
    whole = b"".join(frames)
    leaf_of = [leaf for leaf, each in enumerate(frames) for _ in each]
    for end in range(len(whole)):
        for verdict in judged(whole[:end], RECORDS):
            assert verdict.fault
            assert verdict.bad_leaf == leaf_of[end]


@st.composite
def tampered(draw: st.DrawFn) -> tuple[list[bytes], list[bytes]]:
    """Records, and what somebody who can make checksums anew has made of them."""
    size = draw(st.integers(1, 20))
    records = [record(sequence) for sequence in range(1, size + 1)]
    changed = list(records)
    match draw(st.sampled_from(["edit", "delete", "insert", "move", "repeat", "cut"])):
        case "edit":
            changed[draw(st.integers(0, size - 1))] = draw(st.binary(max_size=40))
        case "delete":
            del changed[draw(st.integers(0, size - 1))]
        case "insert":
            changed.insert(draw(st.integers(0, size - 1)), draw(st.binary(max_size=40)))
        case "move":
            changed.insert(draw(st.integers(0, size - 1)), changed.pop(draw(st.integers(0, size - 1))))
        case "repeat":
            at = draw(st.integers(0, size - 1))
            changed.insert(at, changed[at])
        case _:
            del changed[draw(st.integers(0, size - 1)) :]
    return records, changed


@given(tampered())
@settings(max_examples=150)
def test_what_was_changed_with_new_checksums_is_found(case: tuple[list[bytes], list[bytes]]) -> None:
    records, changed = case
    by_root, by_hashes = judged(b"".join(map(frame, changed)), records)
    is_same = changed[: len(records)] == records
    assert (not by_root.fault) == (not by_hashes.fault) == is_same
    if not is_same:
        first = next(
            (at for at, pair in enumerate(zip(records, changed, strict=False)) if pair[0] != pair[1]), len(changed)
        )
        assert by_hashes.bad_leaf == first


@given(st.lists(st.binary(max_size=4), min_size=1, max_size=70), st.data())
@settings(max_examples=80)
def test_proofs_prove_what_is_and_nothing_else(contents: list[bytes], data: st.DataObject) -> None:
    leaves = [leaf_hash(each) for each in contents]
    tree, size = Tree(leaves), len(leaves)
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))

    path = [subtree_hash(subtree, tree.node) for subtree in inclusion_path(index, size)]
    assert verify_inclusion(leaves[index], index, size, path, tree.roots[size])
    other = data.draw(st.integers(0, size - 1))
    assert verify_inclusion(leaves[other], index, size, path, tree.roots[size]) == (leaves[other] == leaves[index])

    walk = [subtree_hash(subtree, tree.node) for subtree in consistency_path(old, size)]
    assert verify_consistency(old, tree.roots[old], size, tree.roots[size], walk)

    for proof in (path, walk):
        for broken in broken_proofs(proof, data):
            if proof is path:
                assert not verify_inclusion(leaves[index], index, size, broken, tree.roots[size])
            else:
                assert not verify_consistency(old, tree.roots[old], size, tree.roots[size], broken)


def broken_proofs(proof: list[bytes], data: st.DataObject) -> Iterator[list[bytes]]:
    yield [*proof, bytes(32)]
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        yield proof[:at] + proof[at + 1 :]
        yield [*proof[:at], leaf_hash(proof[at]), *proof[at + 1 :]]


@given(st.integers(1, 60), st.data())
@settings(max_examples=60)
def test_a_log_that_was_written_anew_does_not_go_on_from_its_old_checkpoint(size: int, data: st.DataObject) -> None:
    """A rollback, and other records in the place of those that were signed."""
    leaves = [leaf_hash(b"%d" % index) for index in range(size)]
    old = data.draw(st.integers(1, size))
    forked = [*leaves]
    forked[data.draw(st.integers(0, old - 1))] = leaf_hash(b"forged")
    before, after = Tree(leaves), Tree(forked)
    honest = [subtree_hash(subtree, before.node) for subtree in consistency_path(old, size)]
    forged = [subtree_hash(subtree, after.node) for subtree in consistency_path(old, size)]
    for proof in (honest, forged):
        assert not verify_consistency(old, before.roots[old], size, after.roots[size], proof)
