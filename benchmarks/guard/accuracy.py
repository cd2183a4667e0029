"""Accuracy of the Guard, as docs/guard-accuracy.md publishes it.

    gateway-ext guard bench --help

The published sets are not in this repository; what needs them is left out
without. No figure depends on the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from random import Random

from benchmarks.guard import accuracy_page, evasion, secrets_corpus
from benchmarks.guard.accuracy_report import Accuracy, Row
from benchmarks.guard.benign import benign_files
from benchmarks.guard.european_set import Sample, samples
from benchmarks.guard.held_out_frames import FAR, NEAR
from benchmarks.guard.scoring import Score, score
from benchmarks.guard.secrets_recall import family_scores
from benchmarks.guard.splits import Planted, split_scores
from gateway_ext.cli.progress import Progress
from gateway_ext.guard.cache import Match
from gateway_ext.guard.engine import shipped_detectors
from gateway_ext.guard.fingerprint import Fingerprints
from gateway_ext.guard.profile import Profile
from gateway_ext.guard.scanner import Scanner

PROJECT = Path(__file__).parents[2]
LIBRARIES = ("gateway-ext", "hyperscan", "presidio-analyzer", "detect-secrets", "python-stdnum", "phonenumbers")
PER_FAMILY, VARIANTS = 40, 20
QUICK_DIVISOR = 8  # for a look while a detector is being written
INJECTION_SECONDS_MAX = 1800

Find = Callable[[str], Sequence[Match]]


def run(options: argparse.Namespace, directory: Path | None) -> int:
    """Measure with the options of gateway_ext/cli/guard_bench.py and the sets in `directory`, then print or write."""
    accuracy = measured(
        seed=options.seed,
        per_kind=options.per_kind,
        day=options.date or datetime.now(UTC).date(),
        directory=directory,
        is_quick=options.quick,
    )
    if options.json:
        print(json.dumps(asdict(accuracy), indent=2, ensure_ascii=False))
    elif options.write:
        for path, content in accuracy_page.files(accuracy).items():
            (PROJECT / path).parent.mkdir(exist_ok=True)
            (PROJECT / path).write_text(content, encoding="utf-8")
            print(path)
    else:
        print(accuracy_page.table(accuracy))
    for row in accuracy.missed():
        print(f"below the bar: {row.name}, recall {row.recall:.4f}, precision {row.precision:.4f}", file=sys.stderr)
    return 1 if options.strict and accuracy.missed() else 0


def measured(*, seed: int, per_kind: int, day: date, directory: Path | None, is_quick: bool = False) -> Accuracy:
    """All there is to say, of the Guard as the gateway builds it."""
    scanner, profile = Scanner(shipped_detectors(), Fingerprints(bytes(16))), Profile()

    def find(text: str) -> Sequence[Match]:
        return scanner.matches(text, profile)

    divisor = QUICK_DIVISOR if is_quick else 1
    european = list(samples(seed, max(2, per_kind // divisor)))
    near, far = (list(samples(seed, max(2, per_kind // divisor), frames)) for frames in (NEAR, FAR))
    cases = secrets_corpus.cases(seed, PER_FAMILY // divisor)
    with Progress("sentences", len(european) + len(near) + len(far)) as progress:
        scores = score(_told(find, progress), european)
        held_out, distant = (score(_told(find, progress), chosen) for chosen in (near, far))
    with Progress("credentials", len(cases)) as progress:
        families = family_scores(_told(find, progress), cases)
    near_misses = secrets_corpus.near_misses(seed)
    return Accuracy(
        day=day.isoformat(),
        seed=seed,
        versions={name: version(name) for name in LIBRARIES},
        sentences=len(european),
        detectors=_of_values(scores.by_detector),
        held_out=_of_values(held_out.by_detector),
        distant=_of_values(distant.by_detector),
        strays={name: one.false for name, one in sorted(scores.by_detector.items()) if one.false and not one.values},
        languages=_rows(scores.by_language),
        families=_rows(families),
        near_misses=len(near_misses),
        near_misses_found=sum(any(_is_proof(match) for match in find(text)) for text in near_misses),
        splits={} if is_quick else _splits(find, european, cases, seed),
        disguises=[] if is_quick else _disguises(seed),
        benign=tuple(benign_files(find, directory / "benign")) if directory else (),
        injection="" if is_quick or directory is None else _injection(directory),
    )


def _told(find: Find, progress: Progress) -> Find:
    def told(text: str) -> Sequence[Match]:
        progress.advance(1)
        return find(text)

    return told


def _rows(scores: Mapping[str, Score]) -> tuple[Row, ...]:
    return tuple(
        Row(name, one.values, one.found, one.false, one.recall, one.precision) for name, one in sorted(scores.items())
    )


def _of_values(scores: Mapping[str, Score]) -> tuple[Row, ...]:
    return _rows({name: one for name, one in scores.items() if one.values})


def _is_proof(match: Match) -> bool:
    return match.kind.data_class == "secret" and not match.kind.name.startswith("high_entropy")


def _splits(find: Find, european: Sequence[Sample], cases: Sequence[secrets_corpus.Case], seed: int) -> dict[str, Row]:
    """One value of each kind and of each family, cut everywhere."""
    by_kind: dict[str, list[Planted]] = {}
    for sample in european:
        if sample.is_valid:
            by_kind.setdefault(sample.kind, []).append(Planted(sample.text, sample.kind, sample.start, sample.end))
    for case in cases:
        by_kind.setdefault(case.family, []).append(Planted(case.text, case.family, case.start, case.end))
    random = Random(seed)
    chosen = [random.choice(planted) for _, planted in sorted(by_kind.items())]
    with Progress("cuts", len(chosen)) as progress:
        scores = split_scores(find, _counted(chosen, progress))
    return {name: Row(name, one.cuts, one.found, 0, one.recall, 1.0) for name, one in scores.items()}


def _counted(planted: Sequence[Planted], progress: Progress) -> Iterator[Planted]:
    for one in planted:
        yield one
        progress.advance(1)


def _disguises(seed: int) -> list[dict[str, object]]:
    return asyncio.run(evasion.measure(VARIANTS, seed))


def _injection(directory: Path) -> str:
    """What the benchmark of the injection model prints: it trains models, so it has a process of its own."""
    print("training models for the injection benchmark: some minutes", file=sys.stderr)
    command = [sys.executable, "-m", "benchmarks.guard.injection", "--data", str(directory)]
    done = subprocess.run(
        command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, timeout=INJECTION_SECONDS_MAX, check=True
    )
    return done.stdout
