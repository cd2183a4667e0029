"""The texts of the latency measurements, made of lines that occur in prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway_ext.exchange import Text

PIECES = (
    "Please summarise the minutes of our last meeting and list the open points, with an owner for each of them.",
    "Die Lieferung verzögert sich um drei Wochen, weil der Zulieferer die Prüfberichte noch nicht vorgelegt hat.",
    "Peux-tu réécrire ce paragraphe dans un ton plus neutre, sans changer les chiffres ni l'ordre des arguments ?",
    "El informe trimestral muestra un aumento del 4,2 % en las ventas, sobre todo en los mercados del norte.",
    "Il contratto scade il 31.12.2026; la disdetta va inviata con un preavviso di 90 giorni.",
    "def total(prices: list[float], tax: float = 0.2) -> float:\n    return sum(prices) * (1 + tax)  # see PR #4821",
    '{"id": 48213, "status": "shipped", "items": [{"sku": "AB-1009-77", "qty": 3}], "version": "2.14.0"}',
    "2026-03-02T10:15:42.118Z INFO worker-7 request 7c9e6679-7425-40de-944b-e07fc1f90ae7 took 182 ms",
    "commit 9fceb02d0ae598e95dc970b74767f19372d61af8 fixes the rounding of invoices above 10 000 EUR",
)
PLANTED = (
    "export AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE",
    "Son numéro de sécurité sociale est le 1 85 05 78 006 084 91.",
    "Bitte auf DE89 3704 0044 0532 0130 00 überweisen.",
)
CHARACTERS_MEASURED = 128 * 1024  # of texts that the others are given; beyond, their time is extrapolated


@dataclass(frozen=True, slots=True)
class Case:
    """`repeats` requests of about `characters` each, with the lines `planted` in them."""

    name: str
    characters: int
    planted: Sequence[str]
    repeats: int
    repeats_of_others: int

    def part(self) -> Case:
        """As much of it as the others are given."""
        return replace(self, characters=min(self.characters, CHARACTERS_MEASURED))


CASES = (
    Case("4 KB clean", 4096, (), 200, 5),
    Case("4 KB, 3 findings", 4096, PLANTED, 100, 5),
    Case("32 KB clean", 32768, (), 50, 3),
    Case("32 KB, 3 findings", 32768, PLANTED, 50, 3),
    Case("1 MB, 3 findings", 1_000_000, PLANTED, 5, 1),
)


def messages(case: Case, salt: str) -> list[Text]:
    """About as much text as `case` says, in messages of about 1000 characters; `salt` makes them differ."""
    lines_in_all = case.characters // 108
    planted = list(case.planted)
    texts: list[Text] = []
    lines = [salt]
    for number in range(lines_in_all):
        lines.append(PIECES[number % len(PIECES)])
        if planted and number % (lines_in_all // (len(case.planted) + 1) + 1) == 5:
            lines.append(planted.pop(0))
        if sum(map(len, lines)) >= max(1000, case.characters // 40):
            texts.append(_text(len(texts), lines))
            lines = [f"{salt}, {len(texts)}"]
    return [*texts, _text(len(texts), lines)]


def conversation(turns: int, salt: str = "turn") -> list[Text]:
    """What `turns` messages of about 500 characters say."""
    return [
        _text(number, [f"{salt} {number}", *(PIECES[(number + step) % len(PIECES)] for step in range(5))])
        for number in range(turns)
    ]


def _text(index: int, lines: Sequence[str]) -> Text:
    return Text(("messages", index, "content"), f"messages[{index}].content", "user", "\n".join(lines))
