"""What an export says of itself, in `manifest.json`, and the signed note over that (`manifest.note`, C2SP)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from gateway_ext.audit.exports.tables import Format
from gateway_ext.audit.filters import Filter
from gateway_ext.audit.index.entry import Field
from gateway_ext.audit.signed_note import Note, NoteSigner, VerifierKey, parse_note, sign, verify

MANIFEST, NOTE = "manifest.json", "manifest.note"
# Never the text of a checkpoint, which the same key signs: that has a number in its second line.
_KIND = "gateway-ext audit export 1"


@dataclass(frozen=True, slots=True)
class FileDigest:
    """`sha256` in hexadecimal."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class LogPart:
    """Leaves `first_leaf` … `size` - 1 of a log, of which the checkpoint has this size and root.

    `prefix`: the hashes of the complete subtrees that the leaves before the range consist of, from the left. `erased` leaves
    had no record any more when they were exported.
    """

    log: str
    origin: str
    first_leaf: int
    size: int
    root: bytes
    prefix: tuple[bytes, ...]
    matching: int
    erased: int

    @property
    def segment_name(self) -> str:
        return f"{self.log}.segment"

    @property
    def checkpoint_name(self) -> str:
        return f"{self.log}.checkpoint"


@dataclass(frozen=True, slots=True)
class Manifest:
    """Of a whole export. `files` by name: all of them but those of the manifest itself."""

    product_version: str
    time: str  # RFC 3339
    format: Format
    columns: tuple[str, ...]
    filter: Filter
    logs: tuple[LogPart, ...]
    files: Mapping[str, FileDigest]

    @property
    def records(self) -> int:
        return sum(part.matching for part in self.logs)


def write_manifest(manifest: Manifest) -> bytes:
    """As JSON. `read_manifest` takes it back."""
    wanted = manifest.filter
    values = {
        "kind": _KIND,
        "product_version": manifest.product_version,
        "time": manifest.time,
        "format": manifest.format.value,
        "columns": manifest.columns,
        "filter": {
            "where": {kind.value: sorted(values) for kind, values in wanted.where.items()},
            "since_unix_nano": wanted.since_unix_nano,
            "until_unix_nano": wanted.until_unix_nano,
            "cost_nano_min": wanted.cost_nano_min,
            "cost_nano_max": wanted.cost_nano_max,
        },
        "records": manifest.records,
        "logs": [
            asdict(part) | {"root": _base64(part.root), "prefix": list(map(_base64, part.prefix))}
            for part in manifest.logs
        ],
        "files": {name: asdict(digest) for name, digest in manifest.files.items()},
    }
    return json.dumps(values, indent=2).encode() + b"\n"


def read_manifest(data: bytes) -> Manifest:
    """Raises ValueError for what is no manifest of this version."""
    try:
        values = json.loads(data)
        if values["kind"] != _KIND:
            raise ValueError(f"expected an export of the kind '{_KIND}'")
        manifest = Manifest(
            values["product_version"],
            values["time"],
            Format(values["format"]),
            tuple(values["columns"]),
            _filter(values["filter"]),
            tuple(map(_log_part, values["logs"])),
            {name: FileDigest(**digest) for name, digest in values["files"].items()},
        )
    except (KeyError, TypeError, AttributeError):
        raise ValueError("it is no manifest of an export") from None
    names = {manifest.format.file_name}
    for part in manifest.logs:
        names |= {part.segment_name, part.checkpoint_name}
    if set(manifest.files) != names or any("/" in name for name in names):
        raise ValueError("its files are not those of its logs")
    return manifest


def sign_manifest(data: bytes, key_name: str, signer: NoteSigner) -> Note:
    """The note over `manifest.json`. Raises ConfigurationError when the signer cannot."""
    return sign(_note_text(data), key_name, signer)


def open_manifest(data: bytes, note: bytes, keys: Iterable[VerifierKey]) -> Manifest:
    """The manifest, signed by the key of one of its own logs. Raises ValueError saying why it is not believed."""
    signed = parse_note(note)
    signers = {key.name for key in verify(signed, keys)}
    if signed.text != _note_text(data):
        raise ValueError(f"{NOTE} is not over this {MANIFEST}, which was changed")
    manifest = read_manifest(data)
    if signers.isdisjoint(part.origin for part in manifest.logs):
        raise ValueError("it is not signed by the key of a log that it names")
    return manifest


def _note_text(data: bytes) -> str:
    return f"{_KIND}\nsha256 {sha256(data).hexdigest()}\n"


def _filter(values: Mapping[str, Any]) -> Filter:
    where = {Field(kind): frozenset(some) for kind, some in values["where"].items()}
    return Filter(where, **{name: value for name, value in values.items() if name != "where"})


def _log_part(values: Mapping[str, Any]) -> LogPart:
    root, prefix = _from_base64(values["root"]), tuple(map(_from_base64, values["prefix"]))
    return LogPart(**{**values, "root": root, "prefix": prefix})


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _from_base64(data: str) -> bytes:
    return base64.b64decode(data, validate=True)
