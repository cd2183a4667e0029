"""Text that nobody has written before, for documents to register and to leave alone."""

from __future__ import annotations

import random
from string import ascii_lowercase


def prose(seed: int, characters: int = 6000) -> str:
    """Sentences over a vocabulary of 3,000 invented words, the same for all seeds."""
    vocabulary = random.Random(0)
    words = ["".join(vocabulary.choices(ascii_lowercase + "éüñ", k=vocabulary.randint(2, 11))) for _ in range(3000)]
    chosen = random.Random(seed)
    sentences: list[str] = []
    while sum(map(len, sentences)) < characters:
        sentence = " ".join(chosen.choices(words, k=chosen.randint(5, 20))).capitalize()
        sentences.append(f"{sentence}{chosen.choice('.;:')}{chosen.choice([' ', chr(10)])}")
    return "".join(sentences)
