"""Everything a gateway has written, searched for what must not be in it.

Each file below its directory, as raw bytes: logs, audit spool, what the collector got, databases with their journals,
rendered configuration; with them what Envoy's admin interface shows. A finding names file, kind and place, never the value.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import quote

from ahocorasick_rs import BytesAhoCorasick
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from gateway_ext.local.identity_provider.people import read_people
from tests.envoy.handed_out import HANDED_OUT, HandedOut, Kind

CHUNK_BYTES = 24  # whatever shows 47 bytes of a text in a row shows one of its chunks
VARIETY_MIN = 5  # different bytes of a chunk: rows of zeros or dashes are nobody's text
KEY_PART_BYTES = 16  # a line of a PEM file holds at least one whole part
GZIP = b"\x1f\x8b\x08"
GZIP_BYTES_MAX = 64 * 1024 * 1024
FINDINGS_SHOWN_MAX = 20
# How any token begins that is signed here: '{"alg"', '{"typ"', '{"kid"', '{"iss"' in base64url.
TOKEN_BEGINNINGS = ("eyJhbGciOi", "eyJ0eXAiOi", "eyJraWQiOi", "eyJpc3MiOi")


@dataclass(frozen=True, slots=True)
class Finding:
    """A value of `kind`, written as `form`, `offset` bytes into `file`."""

    file: str
    kind: Kind
    form: str
    offset: int

    def __str__(self) -> str:
        return f"{self.file}, byte {self.offset}: {self.kind} ({self.form})"


@dataclass(frozen=True, slots=True)
class Allowed:
    """Files that are meant to hold a kind, and why."""

    files: str  # as the shell matches names, from "/": where the search began
    kind: Kind
    why: str

    def covers(self, finding: Finding) -> bool:
        return self.kind is finding.kind and fnmatchcase(f"/{finding.file}", self.files)


ALLOWED = (
    Allowed("/key-of-*", Kind.PROVIDER_KEY, "the provider's own copy, for `simulate --api-key-file`"),
    Allowed("*/secrets/*", Kind.PROVIDER_KEY, "where Envoy reads them"),
    Allowed("*/issuers/*.key", Kind.PRIVATE_KEY, "where signing keys lie"),
    Allowed("*/certs/*.key", Kind.PRIVATE_KEY, "where keys of certificates lie"),
    Allowed("*/checkpoint.key", Kind.PRIVATE_KEY, "where the key of the audit trail's checkpoints lies"),
    Allowed("*/fingerprint.key", Kind.FINGERPRINT_KEY, "where it lies"),
    Allowed("*/people.yaml", Kind.SECRET, "where the local identity provider reads passwords"),
    Allowed("/up.log", Kind.SECRET, "the same terminal as below: it shows with which passwords to log in"),
    Allowed(
        "/up.log", Kind.TOKEN, "the terminal of whoever starts `gateway-ext up`: it shows a credential to begin with"
    ),
)


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found where it must not be, and which of `ALLOWED` were needed."""

    violations: tuple[Finding, ...]
    needed: frozenset[Allowed]

    def require_clean(self) -> None:
        """Raises AssertionError with the findings."""
        shown = "\n  ".join(str(each) for each in self.violations[:FINDINGS_SHOWN_MAX])
        assert not self.violations, f"{len(self.violations)} times written where it must not be:\n  {shown}"


@dataclass(slots=True)
class Examiner:
    """`pages` are texts by name that lie in no file, such as Envoy's statistics."""

    handed_out: HandedOut
    allowed: tuple[Allowed, ...] = ALLOWED
    keys: set[tuple[Kind, bytes]] = field(default_factory=set)

    def learn_keys(self, state: Path) -> None:
        """The keys that lie in a state directory now: at its end some of them may be gone."""
        for path in [*state.glob("issuers/*.key"), *state.glob("certs/*.key"), *state.glob("checkpoint.key")]:
            with suppress(ValueError):  # damaged by a test
                self.keys.add((Kind.PRIVATE_KEY, private_number(path.read_bytes())))
        for path in state.glob("secrets/*"):
            self.keys.add((Kind.PROVIDER_KEY, path.read_bytes().strip()))
        for path in state.glob("logins/*.secret"):
            self.keys.add((Kind.SECRET, path.read_bytes().strip()))
        for path in state.glob("people.yaml"):
            self.keys |= {(Kind.SECRET, each.password.encode()) for each in read_people(path)}
        for path in state.glob("fingerprint.key"):
            self.keys.add((Kind.FINGERPRINT_KEY, path.read_bytes()))

    def examine(self, root: Path, pages: Mapping[str, bytes] | None = None) -> Examination:
        """Search all files below `root`, and `pages`."""
        search = Search([*self.keys, *((kind, text.encode()) for kind, text in self.handed_out)])
        findings = [finding for path in files_below(root) for finding in search.file(path, str(path.relative_to(root)))]
        findings += [finding for name, page in (pages or {}).items() for finding in search.content(page, name)]
        covered = {finding: [each for each in self.allowed if each.covers(finding)] for finding in findings}
        return Examination(
            violations=tuple(finding for finding, by in covered.items() if not by),
            needed=frozenset(each for by in covered.values() for each in by),
        )


def require_clean(root: Path, state: Path) -> None:
    """Search what lies below `root` for all that this run of the suite has handed out. Raises AssertionError."""
    examiner = Examiner(HANDED_OUT)
    examiner.learn_keys(state)
    examiner.examine(root).require_clean()


class Search:
    """One pass over the bytes for all values in all their forms."""

    def __init__(self, values: Iterable[tuple[Kind, bytes]]) -> None:
        forms = {beginning.encode(): (Kind.TOKEN, "its beginning") for beginning in TOKEN_BEGINNINGS}
        for kind, value in values:
            forms |= {written: (kind, form) for written, form in forms_of(kind, value)}
        self._forms = list(forms.values())
        self._automaton = BytesAhoCorasick(list(forms))

    def file(self, path: Path, name: str) -> Iterator[Finding]:
        with suppress(FileNotFoundError):  # removed by a gateway that still runs
            yield from self.content(path.read_bytes(), name)

    def content(self, content: bytes, name: str) -> Iterator[Finding]:
        yield from self._matches(content, name)
        at = -1
        while (at := content.find(GZIP, at + 1)) >= 0:
            yield from self._matches(_unpacked(content, at), f"{name} (gzip at {at})")

    def _matches(self, content: bytes, name: str) -> Iterator[Finding]:
        for which, start, _ in self._automaton.find_matches_as_indexes(content, overlapping=True):
            kind, form = self._forms[which]
            yield Finding(name, kind, form, start)


def forms_of(kind: Kind, value: bytes) -> Iterator[tuple[bytes, str]]:
    """The bytes by which a value is recognised, each with the name of the form it is written in."""
    if not value:  # a provider's key that nobody has put in yet
        return
    length = {Kind.TEXT: CHUNK_BYTES, Kind.PRIVATE_KEY: KEY_PART_BYTES}.get(kind, len(value))
    for start in range(0, max(1, len(value) - length + 1), length):
        part = value[start : start + length]
        if len(set(part)) < VARIETY_MIN:
            continue
        yield from _forms(part)
        if kind in (Kind.PRIVATE_KEY, Kind.FINGERPRINT_KEY, Kind.PROVIDER_KEY):
            yield part.hex().encode(), "hex"
            yield part.hex().upper().encode(), "hex"


def _forms(value: bytes) -> Iterator[tuple[bytes, str]]:
    for alignment in range(3):
        yield base64_at(value, alignment), "base64"
        yield base64_at(value, alignment, b"-_"), "base64url"
    try:
        text = value.decode()
    except UnicodeDecodeError:  # key material, or a chunk that begins inside a character
        pass
    else:
        yield quote(text, safe="").encode(), "percent-encoded"
        yield json.dumps(text)[1:-1].encode(), "JSON"
    yield value, "as it is"


def base64_at(value: bytes, alignment: int, alternative: bytes = b"+/") -> bytes:
    """How `value` reads inside the base64 of something it stands in, `alignment` bytes after a multiple of three."""
    written = base64.b64encode(bytes(alignment) + value, alternative)
    return written[(0, 2, 3)[alignment] : (alignment + len(value)) * 8 // 6]


def private_number(pem: bytes) -> bytes:
    """What is private of a key: its seed (Ed25519), its scalar (elliptic curves), its first prime (RSA)."""
    match serialization.load_pem_private_key(pem, None):
        case ed25519.Ed25519PrivateKey() as key:
            return key.private_bytes_raw()
        case ec.EllipticCurvePrivateKey() as key:
            return key.private_numbers().private_value.to_bytes((key.key_size + 7) // 8, "big")
        case rsa.RSAPrivateKey() as key:
            return key.private_numbers().p.to_bytes(key.key_size // 16, "big")
    raise TypeError("a private key of a kind that is not known here")


def files_below(root: Path) -> Iterator[Path]:
    """Sockets and links are none."""
    yield from sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())


def _unpacked(content: bytes, at: int) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)  # gzip
    try:
        return unpacker.decompress(memoryview(content)[at:], GZIP_BYTES_MAX)
    except zlib.error:  # three bytes that look like its beginning
        return b""
