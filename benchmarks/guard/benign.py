"""What the Guard finds in real prompts and code that nobody planted anything in.

Some of what is found there is right: people leave addresses, and once a live credential, in what they publish. Who
refreshes the sets must read the findings again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway_ext.guard.cache import Match

FILES = (
    "NotInject_one.json",
    "NotInject_three.json",
    "NotInject_two.json",
    "arena-hard-v2.jsonl",
    "bipia-email-train.jsonl",
    "gpteacher-codegen.json",
    "mt-bench.jsonl",
    "purplellama-mitre-frr.json",
)
CODE_FILE = "gpteacher-codegen.json"
CHARACTERS_PER_MB = 1_000_000

RIGHT: Mapping[tuple[str, str], int] = {
    ("arena-hard-v2.jsonl", "email"): 11,
    ("arena-hard-v2.jsonl", "password_phrase"): 2,
    ("arena-hard-v2.jsonl", "secret_keyword"): 2,
    ("arena-hard-v2.jsonl", "telegram_token"): 1,
    ("bipia-email-train.jsonl", "email"): 20,
    ("gpteacher-codegen.json", "date_of_birth"): 1,
    ("gpteacher-codegen.json", "email"): 84,
    ("gpteacher-codegen.json", "ip_public"): 2,
}
"""(file, detector) → findings that were read and are what the detector says they are."""


@dataclass(frozen=True, slots=True)
class BenignFile:
    """`false` are findings less those that are right."""

    name: str
    characters: int
    findings: Mapping[str, int]
    false: Mapping[str, int]


def benign_files(find: Callable[[str], Sequence[Match]], directory: Path) -> Iterator[BenignFile]:
    """The results for those of FILES that are there."""
    for name in FILES:
        path = directory / name
        if path.is_file():
            texts = list(texts_of(path))
            counts = Counter(match.kind.name for text in texts for match in find(text))
            false = {kind: count - RIGHT.get((name, kind), 0) for kind, count in counts.items()}
            yield BenignFile(name, sum(map(len, texts)), dict(sorted(counts.items())), _positive(false))


def texts_of(path: Path) -> Iterator[str]:
    """All strings in a file of JSON, or of JSON lines."""
    raw = path.read_text(encoding="utf-8")
    for line in raw.split("\n") if path.suffix == ".jsonl" else [raw]:
        if line.strip():
            yield from _strings(json.loads(line))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value if isinstance(value, list) else value.values():
            yield from _strings(item)


def _positive(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in sorted(counts.items()) if count > 0}
