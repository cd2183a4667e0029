from pathlib import Path

import pytest

from gateway_ext.audit.checkpoint_file import Answer, CheckpointFile, OvertakenError, SignedCheckpoint
from gateway_ext.audit.signed_note import VerifierKey

FIRST, SECOND, THIRD = (SignedCheckpoint(10 * size, size, f"note {size}\n".encode()) for size in (1, 2, 3))


def test_checkpoints_are_only_appended(tmp_path: Path) -> None:
    file = CheckpointFile(tmp_path)
    assert file.latest() is None
    file.append(None, FIRST)
    before = (tmp_path / "checkpoints").read_bytes()
    file.append(FIRST, SECOND)
    assert (tmp_path / "checkpoints").read_bytes().startswith(before)
    assert file.latest() == SECOND
    assert list(CheckpointFile(tmp_path).all()) == [FIRST, SECOND]


def test_of_two_signers_one_is_told(tmp_path: Path) -> None:
    one, other = CheckpointFile(tmp_path), CheckpointFile(tmp_path)
    one.append(None, FIRST)
    with pytest.raises(OvertakenError):
        other.append(None, SECOND)
    other.append(FIRST, SECOND)
    with pytest.raises(OvertakenError):
        one.append(FIRST, THIRD)
    assert list(one.all()) == [FIRST, SECOND]


def test_a_torn_line_is_replaced_by_the_next_one(tmp_path: Path) -> None:
    file = CheckpointFile(tmp_path)
    file.append(None, FIRST)
    with (tmp_path / "checkpoints").open("ab") as torn:
        torn.write(b'{"time_unix_nano": 20, "si')
    assert file.latest() == FIRST
    file.append(FIRST, SECOND)
    assert list(file.all()) == [FIRST, SECOND]


def test_a_damaged_line_is_said(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").write_text("{}\n")
    (tmp_path / "answers").write_text("[]\n")
    with pytest.raises(ValueError, match="damaged"):
        CheckpointFile(tmp_path).latest()
    with pytest.raises(ValueError, match="damaged"):
        CheckpointFile(tmp_path).latest_answer()


def test_answers_of_any_bytes_are_kept(tmp_path: Path) -> None:
    file = CheckpointFile(tmp_path)
    assert file.latest_answer() is None
    answer = Answer(5, 2, bytes(range(256)) * 256)
    file.keep_answer(Answer(4, 1, b""))
    file.keep_answer(answer)
    assert file.latest_answer() == answer


def test_the_key_that_signs_stands_last_and_none_is_forgotten(tmp_path: Path) -> None:
    file = CheckpointFile(tmp_path)
    old, new = VerifierKey("a", bytes(32)), VerifierKey("a", bytes([1] * 32))
    assert file.note_key(old) is False
    assert file.note_key(old) is False
    assert file.note_key(new) is True
    assert CheckpointFile(tmp_path).keys() == [old, new]
    assert file.note_key(old) is True
    assert file.keys() == [new, old]


def test_only_the_owner_may_read_them(tmp_path: Path) -> None:
    CheckpointFile(tmp_path).append(None, FIRST)
    CheckpointFile(tmp_path).note_key(VerifierKey("a", bytes(32)))
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
