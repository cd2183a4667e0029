"""Compiled pattern databases: compiling all takes seconds, loading them milliseconds.

Most were compiled at installation (installed_patterns.py). Where they were not, the large ones are kept in the state
directory from start to start. Hyperscan trusts what it deserialises, so such a file counts only with our own HMAC
(RFC 2104) on it, made over what it was compiled from as well. Any other file, and any that cannot be read, is replaced.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import logging
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType

import hyperscan

from gateway_ext.guard.installed_patterns import installed

_log = logging.getLogger(__name__)

_SEAL_BYTES = hashlib.sha256().digest_size
_WAIT_SECONDS = 0.05
_WAITS_MAX = 600  # then whoever holds the lock has stopped, and waiting longer helps nobody

Expression = tuple[int, bytes, int]
"""Index of a detector, pattern, Hyperscan's flags."""


_compiled: dict[bytes, hyperscan.Database] = {}  # by identity


def compiled(expressions: Sequence[Expression]) -> hyperscan.Database:
    """One for all of this process that ask for the same: from the installation if it is there, else compiled now.

    Raises hyperscan.error if there is no expression, or one that cannot be compiled.
    """
    identity = _identity(expressions)
    database = _compiled.get(identity)
    if database is None:
        database = _compiled[identity] = installed(identity) or _compile(expressions)
    return database


def all_compiled() -> Mapping[bytes, hyperscan.Database]:
    """What `compiled` has returned in this process, by identity, for `installed_patterns.install`."""
    return MappingProxyType(_compiled)


def _compile(expressions: Sequence[Expression]) -> hyperscan.Database:
    database = hyperscan.Database()
    database.compile(
        expressions=[expression for _, expression, _ in expressions],
        ids=[index for index, _, _ in expressions],
        elements=len(expressions),
        flags=[flags for _, _, flags in expressions],
    )
    return database


class DatabaseFile:
    """A file for one database, mode 0600 in a private directory, shared by processes with the same `key`."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        self._secret = key
        self._key = hmac.digest(key, b"gateway_ext.guard databases", hashlib.sha256)

    def beside(self, name: str) -> DatabaseFile:
        """Another one in the same directory."""
        return DatabaseFile(self._path.with_name(f"{self._path.name}.{name}"), self._secret)

    def database(
        self, expressions: Sequence[Expression], build: Callable[[], hyperscan.Database]
    ) -> hyperscan.Database:
        """The database of `expressions`: from the installation or the file, else built and written.

        Of processes that start at the same time one builds, and the others wait for it. Raises only what `build` does.
        """
        identity = _identity(expressions)
        known = installed(identity) or self._load(identity)
        if known is not None:
            return known
        with self._turn():
            known = self._load(identity)
            if known is None:
                known = build()
                self._save(identity, known)
            return known

    def _load(self, identity: bytes) -> hyperscan.Database | None:
        try:
            content = self._path.read_bytes()
        except OSError:
            return None
        seal, data = content[:_SEAL_BYTES], content[_SEAL_BYTES:]
        if not hmac.compare_digest(seal, self._seal(identity, data)):
            return None
        try:
            return hyperscan.loadb(data, hyperscan.HS_MODE_BLOCK)
        except hyperscan.error:
            return None

    def _save(self, identity: bytes, database: hyperscan.Database) -> None:
        data = hyperscan.dumpb(database)
        unfinished = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            unfinished.unlink(missing_ok=True)
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(self._seal(identity, data) + data)
            unfinished.replace(self._path)
        except OSError as error:
            _log.warning("%s: the compiled patterns cannot be kept (%s)", self._path, error.strerror)

    def _seal(self, identity: bytes, data: bytes) -> bytes:
        return hmac.digest(self._key, identity + data, hashlib.sha256)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        try:
            descriptor = os.open(self._path.with_name(f".{self._path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            yield  # nor will the file be written
            return
        try:
            for _ in range(_WAITS_MAX):
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError:
                    time.sleep(_WAIT_SECONDS)
            yield
        finally:
            os.close(descriptor)


def _identity(expressions: Sequence[Expression]) -> bytes:
    """SHA-256 of all that the database depends on: patterns, the library, the processor it is compiled for."""
    return hashlib.sha256(repr((list(expressions), *_platform())).encode()).digest()


@cache
def _platform() -> tuple[str, str, str]:
    """Version of the binding; version of the library with those features of the processor that it makes use of; machine."""
    return version("hyperscan"), _compile([(0, b"x", 0)]).info(), platform.machine()
