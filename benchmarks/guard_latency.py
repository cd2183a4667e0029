"""Latency of the Guard against running detect-secrets and Presidio over the whole text, on one core.

    python benchmarks/guard_latency.py [--json] [--skip-naive]

Texts are made of prose in several languages, code and log lines. "cold" is a request never
seen before; "warm" is the same request again, as in the next turn of a chat. Medians, in milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import tldextract
from detect_secrets.core.scan import scan_line
from detect_secrets.settings import default_settings
from presidio_analyzer import RecognizerRegistry

from gateway_ext.exchange import Text
from gateway_ext.guard.engine import GuardEngine
from gateway_ext.guard.rules import Action, DetectorRule, GuardRules

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
RULES = GuardRules(
    classes={"personal": DetectorRule(Action.REDACT), "secret": DetectorRule(Action.REDACT)},
    detectors={},
    deadline_seconds=30.0,
)


def messages(characters: int, planted: tuple[str, ...], salt: str) -> list[Text]:
    """About `characters` of text in messages of about 1000 each; `salt` makes them differ from call to call."""
    texts: list[Text] = []
    lines: list[str] = [salt]
    for number in range(characters // 108):
        lines.append(PIECES[number % len(PIECES)])
        if number % (characters // 108 // (len(planted) + 1) + 1) == 5 and planted:
            lines.append(planted[0])
            planted = planted[1:]
        if sum(map(len, lines)) >= max(1000, characters // 40):
            texts.append(_text(len(texts), lines))
            lines = [salt]
    return [*texts, _text(len(texts), lines)]


def _text(index: int, lines: list[str]) -> Text:
    return Text(("messages", index, "content"), f"messages[{index}].content", "user", "\n".join(lines))


def milliseconds(action: Callable[[list[Text]], None], request: list[Text]) -> float:
    started = time.perf_counter()
    action(request)
    return (time.perf_counter() - started) * 1e3


@contextmanager
def naive_run() -> Iterator[Callable[[list[Text]], None]]:
    """Both libraries with all their detectors over every line and every text, verification and network off."""
    offline = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    vars(tldextract)["extract"] = offline  # Presidio would fetch the list of public suffixes
    registry: Any = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    recognizers = [r for r in registry.recognizers if r.name != "SpacyRecognizer"]

    def run(texts: list[Text]) -> None:
        for text in texts:
            for line in text.value.splitlines():
                list(scan_line(line))
            for recognizer in recognizers:
                recognizer.analyze(text.value, recognizer.supported_entities, None)

    with default_settings() as settings:
        settings.disable_filters("detect_secrets.filters.common.is_ignored_due_to_verification_policies")
        yield run


async def measure(naive: Callable[[list[Text]], None] | None) -> list[dict[str, object]]:
    guard = GuardEngine(b"benchmark key, not a secret")
    rows: list[dict[str, object]] = []
    for label, characters, planted, repeats in (
        ("4 KB clean", 4096, (), 200),
        ("4 KB, 3 findings", 4096, PLANTED, 100),
        ("32 KB clean", 32768, (), 50),
        ("32 KB, 3 findings", 32768, PLANTED, 50),
        ("1 MB, 3 findings", 1_000_000, PLANTED, 5),
    ):
        requests = [messages(characters, planted, f"request {number}") for number in range(repeats)]
        cold: list[float] = []
        warm: list[float] = []
        for request in requests:
            for samples in (cold, warm):
                started = time.perf_counter()
                verdict = await guard.inspect(request, RULES)
                samples.append((time.perf_counter() - started) * 1e3)
        row: dict[str, object] = {
            "text": label,
            "messages": len(requests[0]),
            "findings": len(verdict.findings),
            "cold_ms": round(statistics.median(cold), 3),
            "warm_ms": round(statistics.median(warm), 3),
        }
        if naive and characters < 100_000:
            row["naive_ms"] = round(statistics.median(milliseconds(naive, request) for request in requests[:3]), 1)
        rows.append(row)
    guard.close()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--skip-naive", action="store_true", help="measure the Guard alone")
    arguments = parser.parse_args()
    with nullcontext() if arguments.skip_naive else naive_run() as naive:
        rows = asyncio.run(measure(naive))
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    columns = ("text", "messages", "findings", "cold_ms", "warm_ms", "naive_ms")
    print("  ".join(f"{column:>18}" for column in columns))
    for row in rows:
        print("  ".join(f"{row.get(column, '-')!s:>18}" for column in columns))


if __name__ == "__main__":
    main()
