"""How well injections of an unknown origin are found: `python -m benchmarks.guard.injection --data DIR [--json]`.

Each origin of attacks is scored by models that have seen neither it nor the origin of the harmless texts it is told
from. Always in training: templates of our own, NotInject one and two. Never in training: NotInject three. The rules
were written with the harmless sets at hand, so that none of these is found by one says less than the rest.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.guard.logistic import Rows, trained
from benchmarks.guard.measures import Floats, Labels, area_under_curve, threshold_at
from benchmarks.guard.training_corpus import Source, sources
from gateway_ext.guard.fingerprint import Fingerprints
from gateway_ext.guard.injection.detectors import detectors
from gateway_ext.guard.profile import Profiles
from gateway_ext.guard.scanner import Scanner

HEAD = "injection_model"
ATTACKS: Mapping[str, tuple[str, ...]] = {
    "garak": ("garak",),
    "purplellama": ("purplellama",),
    "piguard": ("piguard",),
    "bipia": ("bipia-text", "bipia-code"),
}
HARMLESS = (
    ("arena-hard", "mails"),
    ("codegen", "codegen-answers", "mt-bench"),
    ("mitre", "piguard-benign"),
)
ALWAYS = ("templates-attacks", "templates-harmless", "notinject-one", "notinject-two")
NEVER = "notinject-three"
FALSE_POSITIVE_RATES = (0.001, 0.005, 0.01, 0.02, 0.05)
FALSE_POSITIVE_RATE = 0.01  # at which the model reports


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Scores by one model. `attacks` are those of `origin`, `harmless` those of one group of sources."""

    origin: str
    attacks: Floats
    harmless: Floats
    trigger_words: Floats  # NotInject three


def held_out(
    corpus: Mapping[str, Source], training: Mapping[str, Rows], testing: Mapping[str, Rows]
) -> Iterator[HeldOut]:
    for origin, tested in ATTACKS.items():
        for harmless in HARMLESS:
            others = [name for group in (*ATTACKS.values(), *HARMLESS) for name in group]
            used = [*(name for name in others if name not in (*tested, *harmless)), *ALWAYS]
            labels = np.concatenate([np.array(corpus[name].labels[HEAD], bool) for name in used])
            model = trained(Rows.joined([training[name] for name in used]), labels, np.ones(len(labels)))

            groups = (tested, harmless, [NEVER])
            yield HeldOut(origin, *(np.concatenate([testing[name].highest(model) for name in each]) for each in groups))


def by_rules(corpus: Mapping[str, Source]) -> dict[str, Labels]:
    """For each source which of its texts a rule finds."""
    scanner, profile = Scanner(detectors(), Fingerprints(bytes(16))), Profiles().of([])
    return {
        name: np.array([bool(scanner.matches(text, profile)) for text in source.texts])
        for name, source in corpus.items()
    }


def report(directory: Path) -> dict[str, Any]:
    """All results as JSON values: `origins`, their mean, all texts together, and what rules alone find.

    Shares are 0 … 1. Takes two minutes. Raises OSError when a set is missing.
    """
    corpus = {source.name: source for source in sources(directory) if HEAD in source.labels}
    training = {name: Rows.of(source.texts, every=2) for name, source in corpus.items()}
    testing = {name: Rows.of(source.texts) for name, source in corpus.items()}
    results = list(held_out(corpus, training, testing))
    ruled = by_rules({source.name: source for source in sources(directory, codegen_every=1)})
    origins = {
        origin: _of_origin([result for result in results if result.origin == origin], [ruled[name] for name in names])
        for origin, names in ATTACKS.items()
    }
    counts = [origin["texts"] for origin in origins.values()]
    harmless = [*(name for group in HARMLESS for name in group), "notinject-one", "notinject-two", NEVER, "moderation"]
    return {
        "false_positive_rate": FALSE_POSITIVE_RATE,
        "origins": origins,
        "mean_of_origins": _averages(origins.values(), np.ones(len(counts))),
        "all_texts": _averages(origins.values(), np.array(counts)),
        "harmless_found_by_rules": {
            name: {"texts": len(ruled[name]), "found": int(ruled[name].sum())} for name in harmless
        },
    }


def _of_origin(results: Sequence[HeldOut], by_rule: Sequence[Labels]) -> dict[str, Any]:
    harmless = np.concatenate([result.harmless for result in results])
    attacks = np.stack([result.attacks for result in results])
    thresholds = {rate: threshold_at(rate, harmless) for rate in FALSE_POSITIVE_RATES}
    threshold = thresholds[FALSE_POSITIVE_RATE]
    ruled = np.concatenate(by_rule)
    return {
        "texts": attacks.shape[1],
        "auc": float(np.mean([area_under_curve(result.attacks, result.harmless) for result in results])),
        "roc": {str(rate): float((attacks >= at).mean()) for rate, at in thresholds.items()},
        "recall": float((attacks >= threshold).mean()),
        "recall_of_rules": float(ruled.mean()),
        "recall_with_rules": float(((attacks >= threshold) | ruled).mean()),
        "notinject_false_positives": float(np.mean([(result.trigger_words >= threshold).mean() for result in results])),
    }


def _averages(origins: Iterable[Mapping[str, Any]], weights: Floats) -> dict[str, float]:
    origins = list(origins)
    measures = ("auc", "recall", "recall_of_rules", "recall_with_rules", "notinject_false_positives")
    return {
        measure: float(np.average([origin[measure] for origin in origins], weights=weights)) for measure in measures
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="directory of the published sets")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    arguments = parser.parse_args()
    result = report(arguments.data)
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    rates = "".join(f"{f'{rate:.1%}':>8}" for rate in FALSE_POSITIVE_RATES)
    print(f"{'':17}{'texts':>6}{'AUC':>7}   recall at false positives of{rates}")
    for name, origin in result["origins"].items():
        points = "".join(f"{recall:8.3f}" for recall in origin["roc"].values())
        print(f"{name:17}{origin['texts']:6}{origin['auc']:7.3f}{'':31}{points}")
    print(f"\n{'at 1 %':17}{'recall':>8}{'rules':>8}{'both':>8}{'NotInject':>11}")
    averages = {"mean of origins": result["mean_of_origins"], "all texts": result["all_texts"]}
    for name, row in (result["origins"] | averages).items():
        shares = (row["recall"], row["recall_of_rules"], row["recall_with_rules"])
        print(f"{name:17}" + "".join(f"{share:8.3f}" for share in shares) + f"{row['notinject_false_positives']:11.3f}")
    print("\nharmless texts that a rule finds:")
    for name, row in result["harmless_found_by_rules"].items():
        print(f"{name:17}{row['found']:4} of {row['texts']}")


if __name__ == "__main__":
    main()
