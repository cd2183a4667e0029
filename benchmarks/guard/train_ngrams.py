"""Trains the n-gram model: `python -m benchmarks.guard.train_ngrams --data DIR` writes its weights, the same each time.

Prints the SHA-256 that gateway_ext/guard/ngrams/weights.py has to name, and how each head does on texts that the
models it was measured with had not seen. Takes about five minutes.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import gateway_ext.guard.ngrams.weights as shipped
from benchmarks.guard import injection
from benchmarks.guard.logistic import Model, Rows, trained
from benchmarks.guard.measures import (
    Floats,
    Labels,
    area_under_curve,
    calibration,
    precision_recall,
    threshold_at,
)
from benchmarks.guard.training_corpus import Source, sources
from gateway_ext.guard.ngrams.grams import BUCKET_BITS, SIZES
from gateway_ext.guard.ngrams.weights import HEADS, WEIGHT_MAX

FALSE_POSITIVE_RATE = 0.01
FOLDS = 5
# Sources that are scored by models that saw none of the group; code and prose of one origin stay together.
CODE_GROUPS = (("arena-hard-code", "mails"), ("codegen-code", "mitre"))
HARMLESS_FOR_HARMFUL = ("arena-hard", "mt-bench", "mails", "templates-harmless")


@dataclass(frozen=True, slots=True)
class Head:
    """A model of all data, and scores of held-out texts by models of the others."""

    model: Model
    positive: Floats
    negative: Floats


class Trainer:
    def __init__(self, directory: Path) -> None:
        self.corpus = {source.name: source for source in sources(directory)}
        self.training = {name: Rows.of(source.texts, every=2) for name, source in self.corpus.items()}
        self.testing = {name: Rows.of(source.texts) for name, source in self.corpus.items()}

    def injections(self) -> Head:
        results = list(injection.held_out(self._of(injection.HEAD), self.training, self.testing))
        attacks = [name for names in injection.ATTACKS.values() for name in names]
        harmless = [name for names in injection.HARMLESS for name in names]
        used = [*attacks, *harmless, *injection.ALWAYS]
        labels = np.concatenate([np.array(self.corpus[name].labels[injection.HEAD], bool) for name in used])
        return Head(
            trained(Rows.joined([self.training[name] for name in used]), labels, np.ones(len(labels))),
            np.concatenate([result.attacks for result in results]),
            np.concatenate([result.harmless for result in results]),
        )

    def code(self) -> Head:
        """Held out by origin."""
        every = [name for group in CODE_GROUPS for name in group] + ["moderation"]
        positive, negative = [], []
        for group in CODE_GROUPS:
            model = self._trained_on_code([name for name in every if name not in group])
            for name in group:
                scores, labels = self.testing[name].highest(model), self._code_labels(name)
                positive.append(scores[labels])
                negative.append(scores[~labels])
        return Head(self._trained_on_code(every), np.concatenate(positive), np.concatenate(negative))

    def harmful(self, head: str) -> Head:
        """Held out text by text, because there is one source: five parts, each scored by a model of the others."""
        labels = self.corpus["moderation"].labels[head]
        known = np.array([label is not None for label in labels])
        is_harmful = np.array([bool(label) for label in labels])
        fold_of = np.arange(len(labels)) % FOLDS
        scores = np.full(len(labels), np.nan)
        for fold in range(FOLDS):
            model = self._trained_on_harm(is_harmful, known & (fold_of != fold))
            held = known & (fold_of == fold)
            scores[held] = self.testing["moderation"].selected(held).highest(model)
        model = self._trained_on_harm(is_harmful, known)
        return Head(model, scores[known & is_harmful], scores[known & ~is_harmful])

    def _of(self, head: str) -> Mapping[str, Source]:
        return {name: source for name, source in self.corpus.items() if head in source.labels}

    def _code_labels(self, name: str) -> Labels:
        source = self.corpus[name]
        return np.array(source.labels.get("source_code", (False,) * len(source.texts)), bool)

    def _trained_on_code(self, names: Sequence[str]) -> Model:
        labels = np.concatenate([self._code_labels(name) for name in names])
        return trained(Rows.joined([self.training[name] for name in names]), labels, np.ones(len(labels)))

    def _trained_on_harm(self, is_harmful: Labels, chosen: Labels) -> Model:
        harmless = [self.training[name] for name in HARMLESS_FOR_HARMFUL]
        rows = Rows.joined([self.training["moderation"].selected(chosen), *harmless])
        labels = np.zeros(rows.texts, bool)
        labels[: chosen.sum()] = is_harmful[chosen]
        return trained(rows, labels, np.ones(rows.texts))


def heads(trainer: Trainer) -> Iterator[Head]:
    for name in HEADS:
        match name:
            case "injection_model":
                yield trainer.injections()
            case "source_code":
                yield trainer.code()
            case _:
                yield trainer.harmful(name)


def write(path: Path, trained_heads: Sequence[Head]) -> str:
    """Writes the weights; returns the file's SHA-256."""
    models = [head.model for head in trained_heads]
    scale = [float(np.quantile(np.abs(model.weights), 0.9999)) / WEIGHT_MAX for model in models]
    tables = [
        np.clip(np.rint(model.weights / one), -WEIGHT_MAX, WEIGHT_MAX)
        .astype(np.int8)
        .reshape(len(SIZES), 1 << BUCKET_BITS)
        for model, one in zip(models, scale, strict=True)
    ]
    curves = [calibration(head.positive, head.negative) for head in trained_heads]
    np.savez(
        path,
        allow_pickle=False,
        tables=np.stack(tables),
        scale=np.array(scale),
        bias=np.array([model.bias for model in models]),
        threshold=np.array([threshold_at(FALSE_POSITIVE_RATE, head.negative) for head in trained_heads]),
        slope=np.array([slope for slope, _ in curves]),
        intercept=np.array([intercept for _, intercept in curves]),
    )
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="directory of the published sets")
    parser.add_argument("--out", type=Path, default=Path(shipped.__file__).with_name(shipped.FILE))
    arguments = parser.parse_args()
    trained_heads = []
    print(f"{'head':24}{'texts':>11}{'AUC':>8}{'precision':>11}{'recall':>8}   (held out, at 1 % false positives)")
    for name, head in zip(HEADS, heads(Trainer(arguments.data)), strict=True):
        trained_heads.append(head)
        threshold = threshold_at(FALSE_POSITIVE_RATE, head.negative)
        precision, recall = precision_recall(head.positive, head.negative, threshold)
        counts = f"{len(head.positive)}/{len(head.negative)}"
        area = area_under_curve(head.positive, head.negative)
        print(f"{name:24}{counts:>11}{area:8.3f}{precision:11.3f}{recall:8.3f}", flush=True)
    print(write(arguments.out, trained_heads))


if __name__ == "__main__":
    main()
