"""Signed notes (https://c2sp.org/signed-note): a text and the Ed25519 signatures of those who vouch for it.

A public key is written as Go's `note` package does: `name+key id in hexadecimal+base64(type || key)`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

_ED25519 = b"\x01"
_KEY_ID_BYTES = 4
_KEY_BYTES = 32
_SIGNATURES_MAX = 64
_DASH = "\N{EM DASH} "


class NoteSigner(Protocol):
    """An Ed25519 key, wherever it is. `sign` may block, and raises ConfigurationError when it cannot sign."""

    @property
    def public_key(self) -> bytes: ...

    def sign(self, message: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A name and the 32 bytes of its Ed25519 public key. Raises ValueError for a name that notes cannot carry."""

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        if not self.name or "+" in self.name or any(c.isspace() or not c.isprintable() for c in self.name):
            raise ValueError("a key's name has no spaces, control characters or '+', and is not empty")
        if len(self.public_key) != _KEY_BYTES:
            raise ValueError(f"an Ed25519 public key has {_KEY_BYTES} bytes")

    @property
    def key_id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public_key).digest()[:_KEY_ID_BYTES]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{_base64(_ED25519 + self.public_key)}"


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line, verified or not."""

    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        return f"{_DASH}{self.name} {_base64(self.key_id + self.signature)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """`text` ends with a newline. Not to be believed before `verify`."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return self.text + "\n" + "".join(map(str, self.signatures))


def parse_key(line: str) -> VerifierKey:
    """The key of a line `name+id+base64`. Raises ValueError saying what is wrong."""
    name, _, rest = line.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    material = _from_base64(encoded)
    if material[:1] != _ED25519:
        raise ValueError("not an Ed25519 key of a signed note: expected NAME+ID+BASE64 of type 0x01")
    key = VerifierKey(name, material[1:])
    if key.key_id.hex() != key_id:
        raise ValueError(f"key '{name}': its id does not belong to its name and key")
    return key


def sign(text: str, name: str, signer: NoteSigner) -> Note:
    """The text, signed once. Raises ConfigurationError when the signer cannot."""
    key = VerifierKey(name, signer.public_key)
    return Note(text, (Signature(name, key.key_id, signer.sign(text.encode())),))


def parse_note(data: bytes) -> Note:
    """The note of these bytes, which has to be written exactly as `str` of it. Raises ValueError saying what is wrong."""
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("a signed note is UTF-8") from None
    if any(character < " " and character != "\n" for character in whole):
        raise ValueError("a signed note has no control characters")
    text, separator, lines = whole.rpartition("\n\n")
    if not separator or not lines.endswith("\n"):
        raise ValueError("a signed note ends with an empty line and lines of signatures")
    signatures = tuple(map(parse_signature, lines[:-1].split("\n")))
    if len(signatures) > _SIGNATURES_MAX:
        raise ValueError(f"a note of more than {_SIGNATURES_MAX} signatures is not read")
    return Note(text + "\n", signatures)


def parse_signature(line: str) -> Signature:
    """A signature line without its newline. Raises ValueError."""
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    signature = _from_base64(encoded)
    if not line.startswith(_DASH) or not name or len(signature) <= _KEY_ID_BYTES:
        raise ValueError("a line of signatures is no signature: expected '\N{EM DASH} NAME BASE64'")
    return Signature(name, signature[:_KEY_ID_BYTES], signature[_KEY_ID_BYTES:])


def verify(note: Note, keys: Iterable[VerifierKey]) -> tuple[VerifierKey, ...]:
    """Those of `keys` that have signed. Raises ValueError when none has, or a signature of one of them is false.

    Signatures of other keys are ignored, as the specification demands.
    """
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415  (extra `credentials`, which reading does without)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    known = {(key.name, key.key_id): key for key in keys}
    signed = []
    for each in note.signatures:
        if (key := known.get((each.name, each.key_id))) is not None:
            try:
                Ed25519PublicKey.from_public_bytes(key.public_key).verify(each.signature, note.text.encode())
            except InvalidSignature:
                raise ValueError(f"the signature of '{key.name}' is false") from None
            signed.append(key)
    if not signed:
        raise ValueError("no trusted key has signed it")
    return tuple(signed)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _from_base64(text: str) -> bytes:
    """Raises ValueError, also for an encoding that is not the one and only of its bytes."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise ValueError("not base64") from None
    if _base64(data) != text:
        raise ValueError("not base64 in its canonical form")
    return data
