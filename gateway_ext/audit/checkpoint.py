"""Checkpoints (https://c2sp.org/tlog-checkpoint): the size and root of a log at one moment, as a signed note."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass

from gateway_ext.audit.merkle import HASH_BYTES
from gateway_ext.audit.signed_note import Note, NoteSigner, VerifierKey, parse_note, sign, verify

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`origin` names the log, `size` counts its leaves, `root` is that of RFC 6962. Extension lines are not used."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def sign_checkpoint(checkpoint: Checkpoint, signer: NoteSigner) -> Note:
    """The key's name is the origin. Raises ConfigurationError when the signer cannot."""
    return sign(checkpoint.text(), checkpoint.origin, signer)


def parse_checkpoint(note: Note) -> Checkpoint:
    """What a note says, believed or not. Raises ValueError unless it is written exactly as a checkpoint of ours."""
    lines = note.text.split("\n")
    if len(lines) != 4 or not lines[0] or not _SIZE.fullmatch(lines[1]):
        raise ValueError("not a checkpoint: expected the lines origin, size and root")
    try:
        root = base64.b64decode(lines[2].encode("ascii"), validate=True)
    except ValueError:
        root = b""
    found = Checkpoint(lines[0], int(lines[1]), root)
    if len(root) != HASH_BYTES or found.text() != note.text:
        raise ValueError("not a checkpoint: its root is no SHA-256 in base64")
    return found


def open_checkpoint(data: bytes, keys: Iterable[VerifierKey]) -> Checkpoint:
    """The checkpoint of these bytes, signed by the log's own key. Raises ValueError saying why it is not believed."""
    note = parse_note(data)
    found = parse_checkpoint(note)
    own = [key for key in keys if key.name == found.origin]
    if not own:
        raise ValueError("none of the given keys is of the log that the checkpoint names")
    verify(note, own)
    return found
