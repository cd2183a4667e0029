"""Train the classifier of complexity and print how often it is right, on sources that it was not trained on.

    python -m benchmarks.routing.complexity --data DIR [--write]

DIR holds the published sets that gateway_ext/guard/ngrams/SOURCES.md names; labels follow from where a prompt comes from:

| source | complex | simple |
|---|---|---|
| hand-labelled | complexity_prompts.txt, eight languages | complexity_prompts.txt |
| arena-hard | category hard_prompt | – |
| NotInject | – | all but its technical questions |
| BIPIA | – | a question about a mail, and the mail |
| MT-Bench, never trained on | math, coding, reasoning | writing, roleplay, extraction |
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gateway_ext.routing import complexity
from gateway_ext.routing.complexity import FORMS, Classifier

PROMPTS = Path(__file__).with_name("complexity_prompts.txt")
PENALTY = 0.01
NEWTON_STEPS = 30
HELD_OUT = "MT-Bench"

# What prompts are about, pasted before and behind them, so that length and form alone say nothing.
PASTED = (
    "Dear team,\nplease find attached the minutes of our meeting on Tuesday. We agreed to send the offer by Friday and to"
    " call the customer next week. Kind regards, Anna",
    "The company was founded in 1987 in Lyon and employs about 240 people. Its products are sold in 14 countries; in 2023"
    " the turnover was 31.5 million euros, of which services made 12 percent. " * 3,
    "Sehr geehrte Damen und Herren, hiermit bestätige ich den Termin am 12. Mai um 14:30 Uhr. Bitte bringen Sie die"
    " Unterlagen mit. Mit freundlichen Grüßen " * 4,
    "def total(items):\n    result = 0\n    for item in items:\n        result += item.price * item.count\n"
    "    return result\n" * 3,
)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Labelled:
    text: str
    is_complex: bool
    language: str = ""


def hand_labelled() -> list[Labelled]:
    """Those of PROMPTS."""
    found: list[Labelled] = []
    language = label = ""
    for line in PROMPTS.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            language, label = line.strip("[]").split()
        elif line and not line.startswith("#"):
            found.append(Labelled(line, label == "complex", language))
    return found


def with_pasted(prompts: Sequence[Labelled]) -> list[Labelled]:
    """Each alone, with something behind it, and with something before it."""
    found: list[Labelled] = []
    for number, each in enumerate(prompts):
        behind, before = PASTED[number % len(PASTED)], PASTED[(number + 1) % len(PASTED)]
        texts = (each.text, f"{each.text}\n\n{behind}", f"{before}\n\n{each.text}")
        found += [Labelled(text, each.is_complex, each.language) for text in texts]
    return found


def published(data: Path) -> dict[str, list[Labelled]]:
    """By source."""
    benign = data / "benign"
    arena = _lines(benign / "arena-hard-v2.jsonl")
    bench = _lines(benign / "mt-bench.jsonl")
    not_inject = [
        each for n in ("one", "two", "three") for each in json.loads((benign / f"NotInject_{n}.json").read_text())
    ]
    mails = [(each["question"], each["context"]) for each in _lines(benign / "bipia-email-train.jsonl")]
    hard, easy = ("math", "coding", "reasoning"), ("writing", "roleplay", "extraction")
    return {
        "arena-hard": [Labelled(each["prompt"], True) for each in arena if each["category"] == "hard_prompt"],
        "NotInject": [Labelled(e["prompt"], False) for e in not_inject if e["category"] != "Technique Queries"],
        "BIPIA": [Labelled("\n".join(m if n % 2 else m[::-1]), False) for n, m in enumerate(mails)],
        HELD_OUT: [Labelled(e["turns"][0], e["category"] in hard) for e in bench if e["category"] in hard + easy],
    }


def _lines(path: Path) -> Iterator[Mapping[str, str]]:
    return map(json.loads, path.read_bytes().splitlines())


def trained(
    words: Mapping[str, Sequence[str]], sources: Sequence[Sequence[Labelled]]
) -> tuple[dict[str, float], float]:
    """Weights and bias by Newton's method: L2 penalty; both labels weigh the same, a source by the root of its size."""
    blank = Classifier(words, {}, 0.0)
    rows = np.array([[*_features(blank, each), 1.0] for source in sources for each in source])
    signs = np.array([1.0 if each.is_complex else -1.0 for source in sources for each in source])
    shares = np.concatenate([np.full(len(source), len(source) ** -0.5) for source in sources])
    for sign in (1.0, -1.0):
        shares[signs == sign] /= 2 * shares[signs == sign].sum()
    penalty = np.full(rows.shape[1], PENALTY)
    penalty[-1] = 1e-9  # of the bias
    point: Floats = np.zeros(rows.shape[1])
    for _ in range(NEWTON_STEPS):
        errors = 1 / (1 + np.exp(signs * (rows @ point)))
        gradient = penalty * point - rows.T @ (shares * signs * errors)
        hessian = (rows * (shares * errors * (1 - errors))[:, None]).T @ rows + np.diag(penalty)
        point -= np.linalg.solve(hessian, gradient)
    return dict(zip((*words, *FORMS), point[:-1].round(3).tolist(), strict=True)), round(float(point[-1]), 3)


def _features(classifier: Classifier, prompt: Labelled) -> list[float]:
    return classifier.features(complexity.shortened(prompt.text))


def confusion(classifier: Classifier, prompts: Sequence[Labelled]) -> tuple[int, int, int, int]:
    """Simple taken for simple and for complex, complex taken for simple and for complex."""
    counts = [0, 0, 0, 0]
    for each in prompts:
        says_complex = classifier.probability(complexity.shortened(each.text)) >= 0.5
        counts[2 * each.is_complex + says_complex] += 1
    return counts[0], counts[1], counts[2], counts[3]


def report(
    words: Mapping[str, Sequence[str]], own: Sequence[Labelled], others: Mapping[str, Sequence[Labelled]]
) -> None:
    """Print the confusion table: of each source by a model that has seen none of it."""
    sources = {"hand-labelled": own, **others}
    print("| held out | simple → simple | simple → complex | complex → simple | complex → complex |")
    print("|---|---:|---:|---:|---:|")
    for held_out, prompts in sources.items():
        rest = [_training(name, each) for name, each in sources.items() if name not in (held_out, HELD_OUT)]
        _row(held_out, confusion(Classifier(words, *trained(words, rest)), prompts))
    published_ones = [each for name, each in others.items() if name != HELD_OUT]
    for language in sorted({each.language for each in own}):
        rest = [with_pasted([each for each in own if each.language != language]), *published_ones]
        classifier = Classifier(words, *trained(words, rest))
        _row(f"hand-labelled, {language}", confusion(classifier, [each for each in own if each.language == language]))


def _training(name: str, prompts: Sequence[Labelled]) -> Sequence[Labelled]:
    return with_pasted(prompts) if name == "hand-labelled" else prompts


def _row(name: str, counts: Sequence[int]) -> None:
    print(f"| {name} | {' | '.join(str(count) if count else '–' for count in counts)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="directory of the published sets")
    parser.add_argument("--write", action="store_true", help="write the weights into the package")
    arguments = parser.parse_args()
    path = Path(complexity.__file__).with_name(complexity.FILE)
    document = json.loads(path.read_text(encoding="utf-8"))
    own, others = hand_labelled(), published(arguments.data)
    report(document["words"], own, others)
    if arguments.write:
        sources = [with_pasted(own), *(each for name, each in others.items() if name != HELD_OUT)]
        document["weights"], document["bias"] = trained(document["words"], sources)
        path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        print(hashlib.sha256(path.read_bytes()).hexdigest())


if __name__ == "__main__":
    main()
