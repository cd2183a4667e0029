from pathlib import Path

import pytest

from gateway_ext.audit.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint, sign_checkpoint
from gateway_ext.audit.checkpoint_keys import load_or_make_key
from gateway_ext.audit.signed_note import Note, VerifierKey, parse_note, sign

ORIGIN = "example.com/behind-the-sofa"
TEXT = f"{ORIGIN}\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"


def test_the_specifications_example_is_read_and_written_the_same() -> None:
    found = parse_checkpoint(Note(TEXT, ()))
    assert (found.origin, found.size, found.root[:4].hex()) == (ORIGIN, 20_852_163, "0ac5186a")
    assert found.text() == TEXT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n1\n" + TEXT.split("\n")[2] + "\n",
        TEXT + "extension\n",
        TEXT.replace("20852163", "020852163"),
        TEXT.replace("20852163", "-1"),
        TEXT.replace("20852163", "1e6"),
        TEXT.replace("q2I=", ""),
        TEXT.replace("q2I=", "q2J="),
        TEXT.replace("Cs", "é"),
    ],
)
def test_nothing_else_is_a_checkpoint(text: str) -> None:
    with pytest.raises(ValueError, match="not a checkpoint"):
        parse_checkpoint(Note(text, ()))


def test_a_checkpoint_is_believed_by_the_key_of_its_own_log_alone(tmp_path: Path) -> None:
    signer = load_or_make_key(tmp_path / "a.key")
    checkpoint = Checkpoint(ORIGIN, 3, bytes(32))
    own, other = VerifierKey(ORIGIN, signer.public_key), VerifierKey("example.com/other", signer.public_key)
    data = str(sign_checkpoint(checkpoint, signer)).encode()
    assert open_checkpoint(data, [other, own]) == checkpoint
    assert parse_note(data).text == checkpoint.text()
    with pytest.raises(ValueError, match="none of the given keys"):
        open_checkpoint(data, [other])
    with pytest.raises(ValueError, match="none of the given keys"):
        open_checkpoint(str(sign(checkpoint.text(), other.name, signer)).encode(), [other])
    with pytest.raises(ValueError, match="no trusted key"):
        open_checkpoint(data, [VerifierKey(ORIGIN, load_or_make_key(tmp_path / "b.key").public_key)])
