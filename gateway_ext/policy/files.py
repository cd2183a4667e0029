"""A policy directory on disk: which files, unchanged while being read, and their digest."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway_ext.limits import POLICY_FILE_BYTES_MAX
from gateway_ext.policy.problems import Problem, suggestion
from gateway_ext.policy.schema import FILES, OPTIONAL

READ_ATTEMPTS_MAX = 5
TERMS = ".terms"  # files of terms, one a line, that dictionaries of guard.yaml name
EVIDENCE = ".evidence"  # files that attestations of deployments name

Signature = tuple[tuple[str, int, int, int, int, int], ...]
"""Name, device, inode, size, mtime and ctime (ns) of each file, links followed. Equal: the content is very likely equal."""


@dataclass(frozen=True, slots=True)
class Directory:
    """The bytes of the files of one moment, by name; `problems` names the files that are missing or out of place."""

    files: Mapping[str, bytes]
    problems: tuple[Problem, ...]
    signature: Signature

    @property
    def digest(self) -> str:
        """SHA-256 over the files in the order of their names: name, NUL, length (8 bytes, big-endian), bytes."""
        digest = hashlib.sha256()
        for name, data in sorted(self.files.items()):
            digest.update(name.encode() + b"\0" + len(data).to_bytes(8, "big") + data)
        return digest.hexdigest()

    @property
    def file_digests(self) -> Mapping[str, str]:
        """SHA-256 of each file, in hexadecimal, by name."""
        return {name: hashlib.sha256(data).hexdigest() for name, data in self.files.items()}


def signature(directory: Path) -> Signature:
    """What `directory` looks like now; () when it cannot be listed."""
    found = []
    for name in _policy_names(directory):
        try:
            status = (directory / name).stat()  # through links: a ConfigMap is swapped by renaming a link above
        except OSError:
            found.append((name, 0, 0, 0, 0, 0))
            continue
        found.append((name, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns))
    return tuple(found)


def read_directory(directory: Path) -> Directory:
    """All policy files as they stood together at one moment. Never raises: what is wrong is in `problems`."""
    for _ in range(READ_ATTEMPTS_MAX):
        before = signature(directory)
        found = _read_once(directory, before)
        if signature(directory) == before:
            return found
    return Directory({}, (Problem(".", 1, 1, "files kept changing while they were read; try again"),), before)


def _policy_names(directory: Path) -> list[str]:
    """Hidden files are none of ours: editors' swap files, a ConfigMap's `..data`."""
    try:
        names = os.listdir(directory)
    except OSError:
        return []
    return sorted(
        name for name in names if name.endswith((".yaml", ".yml", TERMS, EVIDENCE)) and not name.startswith(".")
    )


def _read_once(directory: Path, before: Signature) -> Directory:
    names = [name for name, *_ in before]
    if not names:
        message = f"no policy files here; a policy is a directory with {', '.join(sorted(FILES.keys() - OPTIONAL))}"
        return Directory({}, (Problem(".", 1, 1, message),), before)
    files: dict[str, bytes] = {}
    problems = [
        Problem(name, 1, 1, "the file is missing; every policy has it, see docs/policy.md for its keys")
        for name in FILES.keys() - OPTIONAL - set(names)
    ]
    for name in names:
        if name not in FILES and not name.endswith((TERMS, EVIDENCE)):
            problems.append(Problem(name, 1, 1, f"unknown policy file{suggestion(name, FILES)}"))
            continue
        data = _read_file(directory / name)
        if isinstance(data, str):
            problems.append(Problem(name, 1, 1, data))
        else:
            files[name] = data
    return Directory(files, tuple(problems), before)


def _read_file(path: Path) -> bytes | str:
    """The bytes of a file, or what is wrong with it."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for a writer
            return "is not a regular file"
        with path.open("rb") as file:
            data = file.read(POLICY_FILE_BYTES_MAX + 1)
    except OSError as error:
        return f"cannot be read ({error.strerror}); check that the file exists and may be read"
    if len(data) > POLICY_FILE_BYTES_MAX:
        return f"is larger than {POLICY_FILE_BYTES_MAX} bytes; policies are short, so is this the right file?"
    return data
