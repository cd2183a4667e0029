"""Proofs as text files, each with the signed checkpoint that it leads to. Pure.

Inclusion of one leaf: https://c2sp.org/tlog-proof. Consistency of two checkpoints: the request that witnesses take
(https://c2sp.org/tlog-witness, add-checkpoint).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass

from gateway_ext.audit.merkle import HASH_BYTES

_HEADER = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")
_HASHES_MAX = 64


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """`hashes` from the leaf's sibling to the root's child; `checkpoint` is a signed note, not yet believed."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """That the log of `checkpoint`, a signed note not yet believed, begins with its first `old_size` leaves as they were."""

    old_size: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes


def write_inclusion(proof: InclusionProof) -> bytes:
    return f"{_HEADER}\nindex {proof.index}\n{_lines(proof.hashes)}\n".encode() + proof.checkpoint


def write_consistency(proof: ConsistencyProof) -> bytes:
    return f"old {proof.old_size}\n{_lines(proof.hashes)}\n".encode() + proof.checkpoint


def parse_proof(data: bytes) -> InclusionProof | ConsistencyProof:
    """Raises ValueError saying what is wrong. Extra data of a tlog-proof, which nothing authenticates, is passed over."""
    head, separator, checkpoint = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        lines = []
    if lines[:1] == [_HEADER]:
        lines = lines[2:] if lines[1:] and lines[1].startswith("extra ") else lines[1:]
        if separator and lines and (match := _INDEX.fullmatch(lines[0])):
            return InclusionProof(int(match[1]), _hashes(lines[1:]), checkpoint)
    elif separator and lines and (match := _OLD.fullmatch(lines[0])):
        return ConsistencyProof(int(match[1]), _hashes(lines[1:]), checkpoint)
    raise ValueError(f"neither a proof of inclusion ('{_HEADER}') nor of consistency ('old SIZE')")


def _lines(hashes: Iterable[bytes]) -> str:
    return "".join(f"{base64.b64encode(each).decode()}\n" for each in hashes)


def _hashes(lines: list[str]) -> tuple[bytes, ...]:
    if len(lines) > _HASHES_MAX:
        raise ValueError(f"a proof has {_HASHES_MAX} hashes at most")
    try:
        hashes = tuple(base64.b64decode(line, validate=True) for line in lines)
    except ValueError:
        hashes = (b"",)
    if any(len(each) != HASH_BYTES for each in hashes) or _lines(hashes).splitlines() != lines:
        raise ValueError("a line of the proof is no SHA-256 in base64")
    return hashes
