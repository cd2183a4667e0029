from pathlib import Path

import pytest

from gateway_ext.audit.checkpoint import Checkpoint, open_checkpoint
from gateway_ext.audit.checkpoint_file import Answer
from gateway_ext.audit.merkle import leaf_hash, verify_consistency, verify_inclusion
from gateway_ext.audit.segments import segment_path
from gateway_ext.audit.signed_note import VerifierKey, parse_note, sign, verify
from gateway_ext.audit.tlog_proof import InclusionProof, parse_proof, write_inclusion
from gateway_ext.errors import ConfigurationError
from tests.unit.audit.signed_logs import SignedState, record, signed_state

RECORDS = [record(sequence) for sequence in range(1, 8)]


@pytest.fixture
def state(tmp_path: Path) -> SignedState:
    return signed_state(tmp_path, {1: RECORDS[:3], 2: RECORDS[3:]})


def test_every_record_is_found_and_proved(state: SignedState) -> None:
    log = state.log()
    for index, each in enumerate(RECORDS):
        found = log.find(f"run-{index + 1}")
        assert found == log.record_at(index)
        assert (found.index, found.record) == (index, each)
        proof = log.inclusion(found)
        signed = open_checkpoint(proof.checkpoint, log.file.keys())
        assert verify_inclusion(leaf_hash(each), index, signed.size, proof.hashes, signed.root)


def test_a_record_that_is_not_there(state: SignedState) -> None:
    log = state.log()
    assert log.find("run-99") is None
    segment_path(state.spool, 1).unlink()
    assert log.find("run-1") is None
    for index in (0, 7, -1):
        with pytest.raises(ConfigurationError, match="is not here"):
            log.record_at(index)


def test_a_record_that_no_checkpoint_covers_yet(state: SignedState) -> None:
    state.write(2, [record(8)])
    state.write(3, [record(9)])
    for record_id in ("run-8", "run-9"):
        with pytest.raises(ConfigurationError, match="not under a checkpoint yet"):
            state.log().find(record_id)


def test_nothing_false_is_proved(state: SignedState) -> None:
    log = state.log()
    found = log.record_at(2)
    with pytest.raises(ConfigurationError, match="not what was signed"):
        log.inclusion(type(found)(2, record(99)))
    damaged = bytearray((state.tree / "hashes").read_bytes())
    damaged[40] ^= 1
    (state.tree / "hashes").write_bytes(damaged)
    with pytest.raises(ConfigurationError, match="not what was signed"):
        log.inclusion(log.record_at(0))
    (state.tree / "hashes").write_bytes(b"")
    with pytest.raises(ConfigurationError, match="not what was signed"):
        log.inclusion(found)


def test_that_a_log_goes_on_is_proved(state: SignedState) -> None:
    old = state.log().checkpoint
    state.write(2, [record(8)])
    log = state.sign()
    proof = log.consistency(old)
    new = open_checkpoint(proof.checkpoint, log.file.keys())
    assert verify_consistency(old.size, old.root, new.size, new.root, proof.hashes)
    with pytest.raises(ConfigurationError, match="not of"):
        log.consistency(Checkpoint("other", 7, old.root))
    with pytest.raises(ConfigurationError, match="was rolled back"):
        log.consistency(Checkpoint(old.origin, 9, old.root))
    with pytest.raises(ConfigurationError, match="not what was signed"):
        log.consistency(Checkpoint(old.origin, 7, bytes(32)))


def test_no_byte_of_a_proof_can_be_changed(state: SignedState) -> None:
    log = state.log()
    keys, found = log.file.keys(), log.record_at(5)
    whole = write_inclusion(log.inclusion(found))

    def is_believed(data: bytes) -> bool:
        try:
            proof = parse_proof(data)
            assert isinstance(proof, InclusionProof)
            signed = open_checkpoint(proof.checkpoint, keys)
        except ValueError:
            return False
        return verify_inclusion(leaf_hash(found.record), proof.index, signed.size, proof.hashes, signed.root)

    assert is_believed(whole)
    for at in range(len(whole)):
        for flipped in (0x01, 0x20, 0x80):
            assert not is_believed(whole[:at] + bytes([whole[at] ^ flipped]) + whole[at + 1 :]), at


def test_a_witness_cosignature_goes_with_the_checkpoint_it_is_for(state: SignedState) -> None:
    log = state.log()
    witness = state.checkpointer()._signer
    cosigned = sign(log.note.text, "witness.example", witness)
    log.file.keep_answer(Answer(1, log.checkpoint.size, str(cosigned.signatures[0]).encode()))
    note = parse_note(log_of_again(state))
    assert len(verify(note, [*log.file.keys(), VerifierKey("witness.example", witness.public_key)])) == 2
    state.write(2, [record(8)])
    state.sign()
    assert len(parse_note(log_of_again(state)).signatures) == 1


@pytest.mark.parametrize("answer", [b"", b"0\x82\x01 a time stamp token", b"pushed\n"])
def test_another_answer_is_no_signature(state: SignedState, answer: bytes) -> None:
    state.log().file.keep_answer(Answer(1, 7, answer))
    assert len(parse_note(log_of_again(state)).signatures) == 1


def log_of_again(state: SignedState) -> bytes:
    return str(state.log().note).encode()


def test_what_is_damaged_is_said(state: SignedState) -> None:
    (state.tree / "segments").write_text("x\n")
    with pytest.raises(ConfigurationError, match="damaged"):
        state.log()
