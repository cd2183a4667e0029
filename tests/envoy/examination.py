"""Everything a gateway has written, searched for what must not be in it.

Each file below its directory, as raw bytes: logs, audit spool, what the collector got, databases with their journals,
rendered configuration; with them what Envoy's admin interface shows. A finding names file, kind and place, never the value.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from io import BytesIO
from pathlib import Path

import duckdb
from ahocorasick_rs import BytesAhoCorasick

from gateway_ext.local.identity_provider.people import read_people
from tests.envoy.handed_out import HANDED_OUT, HandedOut, Kind
from tests.envoy.written_forms import forms_of, private_number

GZIP = b"\x1f\x8b\x08"
UNPACKED_BYTES_MAX = 64 * 1024 * 1024
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
class Extent:
    """How much was searched, for how many values. One place is a gateway, or what a test of a part of one has left."""

    places: int = 0
    files: int = 0
    bytes: int = 0
    values: int = 0

    def __add__(self, other: Extent) -> Extent:
        """Of two searches together, the second maybe for what the first knew already."""
        values = max(self.values, other.values)
        return Extent(self.places + other.places, self.files + other.files, self.bytes + other.bytes, values)

    def __str__(self) -> str:
        return f"{self.places:,} places, {self.files:,} files, {self.bytes:,} bytes, up to {self.values:,} values"


@dataclass(slots=True)
class Total:
    """Of this run of the suite, so that it is told, and cannot be nothing."""

    extent: Extent = field(default_factory=Extent)
    violations: int = 0
    allowed: int = 0


TOTAL = Total()


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found where it must not be, and which of `ALLOWED` were needed."""

    violations: tuple[Finding, ...]
    needed: frozenset[Allowed]
    extent: Extent = field(default_factory=Extent, compare=False)

    def require_clean(self, total: Total = TOTAL) -> None:
        """Raises AssertionError with the findings, and when nothing was searched, or for nothing."""
        searched = (self.extent.files, self.extent.bytes, self.extent.values)
        assert min(searched) > 0, f"nothing was searched: {self.extent}"
        total.extent += self.extent
        total.allowed += len(self.needed)
        total.violations += len(self.violations)
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
        values = [*self.keys, *((kind, text.encode()) for kind, text in self.handed_out)]
        search = Search(values)
        findings = [finding for path in files_below(root) for finding in search.file(path, str(path.relative_to(root)))]
        findings += [finding for name, page in (pages or {}).items() for finding in search.content(page, name)]
        covered = {finding: [each for each in self.allowed if each.covers(finding)] for finding in findings}
        return Examination(
            violations=tuple(finding for finding, by in covered.items() if not by),
            needed=frozenset(each for by in covered.values() for each in by),
            extent=Extent(1, search.contents, search.bytes, len(values)),
        )


def require_clean(root: Path, state: Path) -> None:
    """Search what lies below `root` for all that this run of the suite has handed out. Raises AssertionError."""
    examiner = Examiner(HANDED_OUT)
    examiner.learn_keys(state)
    examiner.examine(root).require_clean()


class Search:
    """One pass over the bytes for all values in all their forms; `contents` and `bytes` count what was searched."""

    def __init__(self, values: Iterable[tuple[Kind, bytes]]) -> None:
        self.contents = self.bytes = 0
        forms = {beginning.lower().encode(): (Kind.TOKEN, "its beginning") for beginning in TOKEN_BEGINNINGS}
        for kind, value in values:
            forms |= {written: (kind, form) for written, form in forms_of(kind, value)}
        self._forms = list(forms.values())
        self._automaton = BytesAhoCorasick(list(forms))

    def file(self, path: Path, name: str) -> Iterator[Finding]:
        with suppress(FileNotFoundError):  # removed by a gateway that still runs
            yield from self.content(path.read_bytes(), name)
            if path.suffix == ".parquet":
                yield from self._matches(_rows(path), f"{name} (rows)")

    def content(self, content: bytes, name: str) -> Iterator[Finding]:
        self.contents += 1
        self.bytes += len(content)
        yield from self._matches(content, name)
        for part, unpacked in _unpacked(content):
            yield from self._matches(unpacked, f"{name} ({part})")

    def _matches(self, content: bytes, name: str) -> Iterator[Finding]:
        for which, start, _ in self._automaton.find_matches_as_indexes(content.lower(), overlapping=True):
            kind, form = self._forms[which]
            yield Finding(name, kind, form, start)


def _unpacked(content: bytes) -> Iterator[tuple[str, bytes]]:
    """What is packed in it: each stream of gzip, wherever it begins, and the members of a ZIP archive."""
    at = -1
    while (at := content.find(GZIP, at + 1)) >= 0:
        with suppress(zlib.error):  # three bytes that look like its beginning
            yield f"gzip at {at}", zlib.decompressobj(wbits=31).decompress(memoryview(content)[at:], UNPACKED_BYTES_MAX)
    if zipfile.is_zipfile(BytesIO(content)):
        with suppress(zipfile.BadZipFile), zipfile.ZipFile(BytesIO(content)) as archive:
            for member in archive.infolist():
                with archive.open(member) as file:
                    yield member.filename, file.read(UNPACKED_BYTES_MAX)


def _rows(path: Path) -> bytes:
    """Of a Parquet file, whose pages are compressed."""
    rows = duckdb.execute("SELECT * FROM read_parquet($1)", [str(path)]).fetchall()
    return json.dumps(rows, ensure_ascii=False, default=str).encode()


def files_below(root: Path) -> Iterator[Path]:
    """Sockets and links are none."""
    yield from sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
