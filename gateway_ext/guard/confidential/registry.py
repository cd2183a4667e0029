"""The registry of documents: one file of a state directory, JSON lines, replaced as a whole, never holding any text.

The first line names the format and the key. Every further line is one document: id, label, when it was registered,
and its shingles as base64 of little-endian digests (8 bytes each), then filter bits (4 bytes each).

Lost, or written under another fingerprint key, the registry cannot be restored: register the documents again. A
missing file at start is an empty registry. While a process runs, a file that vanishes or is damaged changes nothing:
the last good registry stays in force.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import hmac
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from gateway_ext.errors import ConfigurationError
from gateway_ext.guard.confidential.documents import RegisteredDocument
from gateway_ext.guard.confidential.shingles import Shingler, Shingles

FILE_NAME = "documents.jsonl"
"""Name of the registry below the state directory."""

DOCUMENTS_MAX = 100_000
LABEL_CHARACTERS_MAX = 200
LETTERS_MIN = 200  # letters and digits: from there on a document surely has the shingles that a finding takes

_FORMAT = "gateway-ext documents 1"


class DocumentTooShortError(ValueError):
    """A document has too few letters and digits to be recognised by a part of it."""


def document(text: str, label: str, key: bytes, shingler: Shingler, now_unix_nano: int) -> RegisteredDocument:
    """`text` ready to be registered. Raises DocumentTooShortError."""
    letters, shingles = shingler.winnowed(text)
    if len(letters) < LETTERS_MIN:
        raise DocumentTooShortError(f"fewer than {LETTERS_MIN} letters and digits; a dictionary term suits it better")
    identity = hmac.digest(key, b"document" + letters, hashlib.sha256)[:6].hex()
    return RegisteredDocument(identity, label[:LABEL_CHARACTERS_MAX], now_unix_nano // 1_000_000_000, shingles)


def load(path: Path, key: bytes) -> tuple[RegisteredDocument, ...]:
    """The documents of a registry; none when there is no file. Raises ConfigurationError naming line and fix."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ConfigurationError(f"{path}: the document registry cannot be read ({error.strerror})") from error
    header = _parsed(path, 1, lines[0] if lines else b"")
    if header.get("format") != _FORMAT:
        raise ConfigurationError(f"{path}: not a document registry of this version; register the documents again")
    if header.get("key") != _key_name(key):
        raise ConfigurationError(
            f"{path}: written under another fingerprint key; bring that key back, or remove the file and register again"
        )
    return tuple(_document(path, number, line) for number, line in enumerate(lines[1:], 2))


def save(path: Path, documents: Sequence[RegisteredDocument], key: bytes) -> None:
    """Replace the registry so that a reader sees the old one or the new, never a part. Raises ConfigurationError."""
    lines = [json.dumps({"format": _FORMAT, "key": _key_name(key)}), *map(_line, documents)]
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.writelines(f"{line}\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise ConfigurationError(f"{path}: the document registry cannot be written ({error.strerror})") from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keeps other writers of this registry out, so that none overwrites what another has just added."""
    try:
        descriptor = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigurationError(f"{path}: the document registry cannot be locked ({error.strerror})") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _key_name(key: bytes) -> str:
    return hmac.digest(key, b"gateway_ext.guard document registry", hashlib.sha256)[:8].hex()


def _line(each: RegisteredDocument) -> str:
    data = each.shingles.digests.astype("<u8").tobytes() + each.shingles.bits.astype("<u4").tobytes()
    return json.dumps(
        {
            "id": each.id,
            "label": each.label,
            "registered_unix_seconds": each.registered_unix_seconds,
            "shingles": base64.b64encode(data).decode(),
        }
    )


def _document(path: Path, number: int, line: bytes) -> RegisteredDocument:
    values = _parsed(path, number, line)
    try:
        data = base64.b64decode(values["shingles"], validate=True)
        count, rest = divmod(len(data), 12)
        if rest:
            raise ValueError(rest)
        shingles = Shingles(
            np.frombuffer(data, "<u8", count).astype(np.uint64),
            np.frombuffer(data, "<u4", count, 8 * count).astype(np.uint32),
        )
        return RegisteredDocument(
            str(values["id"]), str(values["label"]), int(values["registered_unix_seconds"]), shingles
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, number) from error


def _parsed(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except ValueError as error:
        raise _damaged(path, number) from error
    if not isinstance(values, dict):
        raise _damaged(path, number)
    return values


def _damaged(path: Path, number: int) -> ConfigurationError:
    return ConfigurationError(
        f"{path}:{number}: damaged; restore the file from a backup, or remove the line and register that document again"
    )
