import pytest

from gateway_ext.audit.tlog_proof import (
    ConsistencyProof,
    InclusionProof,
    parse_proof,
    write_consistency,
    write_inclusion,
)

HASH = bytes(range(32))
LINE = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
CHECKPOINT = b"example.com/log\n12\nroot\n\n\xe2\x80\x94 example.com/log sig\n"


def test_files_are_those_of_the_specifications() -> None:
    inclusion = InclusionProof(7, (HASH,), CHECKPOINT)
    assert write_inclusion(inclusion) == f"c2sp.org/tlog-proof@v1\nindex 7\n{LINE}\n\n".encode() + CHECKPOINT
    consistency = ConsistencyProof(5, (HASH, HASH), CHECKPOINT)
    assert write_consistency(consistency) == f"old 5\n{LINE}\n{LINE}\n\n".encode() + CHECKPOINT
    assert parse_proof(write_inclusion(inclusion)) == inclusion
    assert parse_proof(write_consistency(consistency)) == consistency


def test_a_log_of_one_record_needs_no_hashes() -> None:
    proof = InclusionProof(0, (), CHECKPOINT)
    assert write_inclusion(proof) == b"c2sp.org/tlog-proof@v1\nindex 0\n\n" + CHECKPOINT
    assert parse_proof(write_inclusion(proof)) == proof


def test_extra_data_is_passed_over() -> None:
    data = b"c2sp.org/tlog-proof@v1\nextra YWdl\nindex 0\n\n" + CHECKPOINT
    assert parse_proof(data) == InclusionProof(0, (), CHECKPOINT)


@pytest.mark.parametrize(
    "head",
    [
        "",
        "c2sp.org/tlog-proof@v1",
        "c2sp.org/tlog-proof@v2\nindex 0",
        "c2sp.org/tlog-proof@v1\nindex 00",
        "c2sp.org/tlog-proof@v1\nindex -1",
        "c2sp.org/tlog-proof@v1\nextra YWdl",
        f"c2sp.org/tlog-proof@v1\n{LINE}",
        f"c2sp.org/tlog-proof@v1\nindex 1\n{LINE[:-1]}",
        f"c2sp.org/tlog-proof@v1\nindex 1\n{LINE.replace('8=', '9=')}",
        "c2sp.org/tlog-proof@v1\nindex 1\nYWdl",
        "c2sp.org/tlog-proof@v1\nindex 1\né",
        "c2sp.org/tlog-proof@v1\nindex 1" + 65 * f"\n{LINE}",
        "old",
        "old 01",
    ],
)
def test_nothing_else_is_a_proof(head: str) -> None:
    with pytest.raises(ValueError, match="proof"):
        parse_proof(head.encode() + b"\n\n" + CHECKPOINT)


def test_a_proof_without_a_checkpoint_is_none() -> None:
    with pytest.raises(ValueError):
        parse_proof(b"c2sp.org/tlog-proof@v1\nindex 0\n")
