from dataclasses import replace
from pathlib import Path

import pytest

from gateway_ext.audit.checkpoint_keys import load_or_make_key
from gateway_ext.audit.signed_note import Note, VerifierKey, parse_key, parse_note, parse_signature, sign, verify

# The example of Go's golang.org/x/mod/sumdb/note.
KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NOTE = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
).encode()


def test_a_note_of_another_implementation_is_believed_and_written_the_same() -> None:
    key, note = parse_key(KEY), parse_note(NOTE)
    assert str(key) == KEY
    assert str(note).encode() == NOTE
    assert verify(note, [key]) == (key,)


def test_no_byte_of_a_note_can_be_changed() -> None:
    key = parse_key(KEY)
    for at in range(len(NOTE)):
        for bit in (1, 2, 4, 8, 16, 32, 64, 128):
            changed = bytearray(NOTE)
            changed[at] ^= bit
            with pytest.raises(ValueError):
                verify(parse_note(bytes(changed)), [key])


def test_signatures_of_others_are_passed_over_but_not_enough() -> None:
    note, key = parse_note(NOTE), parse_key(KEY)
    other = replace(note.signatures[0], name="somebody")
    assert verify(Note(note.text, (other, *note.signatures)), [key]) == (key,)
    with pytest.raises(ValueError, match="no trusted key"):
        verify(Note(note.text, (other,)), [key])
    with pytest.raises(ValueError, match="no trusted key"):
        verify(note, [])


def test_a_false_signature_of_a_known_key_spoils_the_note() -> None:
    note, key = parse_note(NOTE), parse_key(KEY)
    false = replace(note.signatures[0], signature=bytes(64))
    with pytest.raises(ValueError, match="'PeterNeumann' is false"):
        verify(Note(note.text, (note.signatures[0], false)), [key])


def test_what_is_signed_here_is_believed(tmp_path: Path) -> None:
    signer = load_or_make_key(tmp_path / "a.key")
    note = sign("text\n", "gateway.example", signer)
    key = VerifierKey("gateway.example", signer.public_key)
    assert verify(parse_note(str(note).encode()), [parse_key(str(key))]) == (key,)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "name",
        KEY.replace("c74f20a3", "c74f20a4"),
        KEY.replace("PeterNeumann", "PeterNewman"),
        KEY.replace("+ARpc", "+AhpC"),
        KEY + "=",
        KEY[:-4],
    ],
)
def test_a_key_has_the_id_of_its_name_and_bytes(line: str) -> None:
    with pytest.raises(ValueError):
        parse_key(line)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u00a0b"])
def test_names_that_a_note_cannot_carry(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        VerifierKey(name, bytes(32))


@pytest.mark.parametrize(
    "data",
    [b"", b"text\n", b"text\n\n", b"text\n\nno signature\n", NOTE[:-1], NOTE + b"\n", b"\xff" + NOTE, b"\t" + NOTE],
)
def test_what_is_no_note(data: bytes) -> None:
    with pytest.raises(ValueError):
        parse_note(data)


def test_a_note_of_very_many_signatures_is_not_read() -> None:
    line = NOTE.rpartition(b"\n\n")[2]
    assert len(parse_note(NOTE + 15 * line).signatures) == 16
    with pytest.raises(ValueError, match="not read"):
        parse_note(NOTE + 64 * line)


def test_a_line_without_a_dash_is_no_signature() -> None:
    with pytest.raises(ValueError):
        parse_signature("PeterNeumann x08go/ZJkuBS")
