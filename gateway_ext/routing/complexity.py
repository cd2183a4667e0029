"""How likely a request needs several steps that build on one another: a small linear model of its last question.

It knows words that ask for proofs, programs, designs and the like, in eight languages, and a few figures about the form of
the question. They are weighed by logistic regression; weights and words are a file of this package, trained by
benchmarks/routing/complexity.py. docs/strategies.md says how often it is right. Nothing is fetched or remembered.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

import ahocorasick_rs
import orjson

from gateway_ext.errors import ConfigurationError
from gateway_ext.exchange import Prompt

FILE = "complexity.json"
SHA256 = "0767ded5374d74dac983835098a9355e36a8cd680d7af70ea710f93a2a3904a2"
TEXT_CHARACTERS_MAX = 4_096
HEAD_CHARACTERS, TAIL_CHARACTERS = 480, 240  # instructions stand before or behind what they are about
FORMS = ("length", "lines", "code", "formulas", "digits", "questions", "fenced")

_DISTINCT_WORDS_MAX = 7  # of a kind
# What counts alike is made alike first: counting a text once for each of these characters takes longer than all the rest.
_CODE, _FORMULA, _DIGIT = b"\1", b"\2", b"\3"
_ALIKE = bytes.maketrans(b"{};()<_[^\\+0123456789", _CODE * 8 + _FORMULA * 3 + _DIGIT * 10)


class Classifier:
    """`words`: what is looked for (in lower case) by kind; `weights`: of each kind and each of FORMS; `bias`."""

    def __init__(self, words: Mapping[str, Sequence[str]], weights: Mapping[str, float], bias: float) -> None:
        self._kinds = tuple(words)
        patterns = [(word, kind) for kind, each in enumerate(words.values()) for word in each]
        self._kind_of = [kind for _, kind in patterns]
        self._search = ahocorasick_rs.AhoCorasick([word for word, _ in patterns])
        self._weights = [weights.get(name, 0.0) for name in (*self._kinds, *FORMS)]
        self._bias = bias

    def probability(self, text: str) -> float:
        """Between 0 (simple) and 1 (complex)."""
        total = self._bias + sum(map(float.__mul__, self._weights, self.features(text)))
        return 1.0 / (1.0 + math.exp(-total))

    def features(self, text: str) -> list[float]:
        """A number from 0 to about 1.5 for each kind of words, then for each of FORMS."""
        instructions = text
        if len(text) > HEAD_CHARACTERS + TAIL_CHARACTERS:
            instructions = f"{text[:HEAD_CHARACTERS]}\n{text[-TAIL_CHARACTERS:]}"
        counts = [0] * len(self._kinds)
        matches = self._search.find_matches_as_indexes(instructions.lower(), overlapping=True)
        for pattern in {pattern for pattern, _, _ in matches}:
            counts[self._kind_of[pattern]] += 1
        return [math.log2(1 + min(count, _DISTINCT_WORDS_MAX)) / 2 for count in counts] + _forms(text)


def score(prompt: Prompt) -> float:
    """Between 0 (simple) and 1 (complex); 0 of a request without words. Raises ConfigurationError as `shipped`."""
    text = question(prompt)
    return shipped().probability(text) if text else 0.0


def question(prompt: Prompt) -> str:
    """The last thing that a person has said; of a long one the beginning and the end, TEXT_CHARACTERS_MAX together."""
    pieces: list[str] = []
    message: tuple[str | int, ...] = ()
    for text in reversed(prompt.texts):
        if text.is_key or text.role not in ("user", "") or text.pointer[0] not in ("messages", "input", "prompt"):
            continue
        if pieces and text.pointer[:2] != message:
            break
        message = text.pointer[:2]
        pieces.append(text.value)
    return shortened("\n".join(reversed(pieces)))


def shortened(text: str) -> str:
    """What of a text is judged."""
    if len(text) <= TEXT_CHARACTERS_MAX:
        return text
    half = TEXT_CHARACTERS_MAX // 2
    return text[:half] + text[-half:]


def _forms(text: str) -> list[float]:
    content = text.encode("utf-8", "replace").translate(_ALIKE)
    size, equals = max(1, len(content)), content.count(b"=")
    return [
        math.log2(1 + size) / 12,
        math.log2(1 + content.count(b"\n")) / 6,
        min(1.0, 10 * (equals + content.count(_CODE)) / size),
        min(1.0, 20 * (equals + content.count(_FORMULA)) / size),
        min(1.0, 5 * content.count(_DIGIT) / size),
        min(3, content.count(b"?")) / 3,
        float("```" in text),
    ]


@cache
def shipped() -> Classifier:
    """With the words and weights of this version. Raises ConfigurationError for a damaged installation."""
    file = resources.files("gateway_ext.routing") / FILE
    try:
        content = file.read_bytes()
    except OSError:
        content = b""
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise ConfigurationError(f"{file}: is missing or not that of this version; install gateway-ext anew")
    document = orjson.loads(content)
    return Classifier(document["words"], document["weights"], document["bias"])
