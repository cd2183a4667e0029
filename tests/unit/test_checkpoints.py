import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway_ext.audit.checkpoint import open_checkpoint
from gateway_ext.audit.segments import frame, segment_path
from gateway_ext.checkpoints import checkpointer, publishing
from gateway_ext.errors import ConfigurationError
from gateway_ext.settings import Settings
from tests.unit.audit.signed_logs import HandClock, SignedState, record


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def program(path: Path, script: str) -> str:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return str(path)


@pytest.fixture
def state(tmp_path: Path) -> SignedState:
    state = SignedState(tmp_path, HandClock())
    state.spool.mkdir(parents=True)
    segment_path(state.spool, 1).write_bytes(frame(record(1)))
    return state


def test_checkpoints_are_signed_by_a_key_file_and_taken_elsewhere(state: SignedState) -> None:
    archive = state.root / "archive"
    command = program(state.root / "archive.sh", f"tee -a '{archive}' | head -n 2")
    settings = Settings(state_dir=state.root, audit_origin="gw.example", checkpoint_command=command)
    checkpointer(settings).step(at_once=True)
    work = publishing(settings)
    assert work is not None
    work.step()
    log = state.log()
    assert log.checkpoint.origin == "gw.example/processor-0"
    assert archive.read_bytes() == log.signed.note
    answer = log.file.latest_answer()
    assert answer is not None
    assert answer.answer == b"gw.example/processor-0\n1\n"
    assert (state.root / "checkpoint.key").exists()


def test_checkpoints_are_signed_by_a_program(state: SignedState) -> None:
    key = Ed25519PrivateKey.generate()
    jwk = {"kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": base64url(key.public_key().public_bytes_raw())}
    body = state.root / "text"
    command = program(
        state.root / "kms.sh",
        f"case \"$*\" in 'public checkpoints') echo '{json.dumps(jwk)}';;"
        f" 'sign checkpoints k1') cat > '{body}'; cat '{state.root}/signature';; *) exit 1;; esac",
    )
    work = checkpointer(Settings(state_dir=state.root, audit_origin="gw.example", checkpoint_signer_command=command))
    (state.root / "signature").write_text("")
    work.step(at_once=True)  # it is no signature
    assert not (state.tree / "checkpoints").exists()
    (state.root / "signature").write_text(base64url(key.sign(body.read_bytes())))
    work.step(at_once=True)
    log = state.log()
    assert open_checkpoint(log.signed.note, log.file.keys()).size == 1
    assert log.file.keys()[0].public_key == key.public_key().public_bytes_raw()
    assert not (state.root / "checkpoint.key").exists()


def test_a_key_of_another_kind_is_refused(state: SignedState) -> None:
    numbers = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    jwk = {"kty": "EC", "crv": "P-256", "kid": "k1"} | {
        name: base64url(getattr(numbers, name).to_bytes(32)) for name in ("x", "y")
    }
    command = program(state.root / "kms.sh", f"echo '{json.dumps(jwk)}'")
    with pytest.raises(ConfigurationError, match="must be Ed25519"):
        checkpointer(Settings(state_dir=state.root, checkpoint_signer_command=command))


def test_a_program_that_others_can_change_is_not_run(state: SignedState) -> None:
    command = program(state.root / "archive.sh", "cat")
    Path(command).chmod(0o722)
    with pytest.raises(ConfigurationError, match="others may write it"):
        publishing(Settings(state_dir=state.root, checkpoint_command=command))
    assert publishing(Settings(state_dir=state.root)) is None
