"""How well the Guard finds values in disguise: 13 disguises, and some inside others, of 7 kinds of value.

    python -m benchmarks.guard.evasion [--json] [--variants N] [--seed N]

Each value stands in a sentence. It counts as found if a finding of its kind covers it, so that the redacted text holds
nothing of the disguise. A cell of the table is the share of variants found; a row counts kinds found in all variants.
"""

from __future__ import annotations

import argparse
import asyncio
import json

from benchmarks.guard.evasion_disguises import DISGUISES, NESTED, VALUES, Random
from gateway_ext.exchange import Text
from gateway_ext.guard.catalog import CLASSES, PERSONAL, SECRET
from gateway_ext.guard.engine import GuardEngine
from gateway_ext.guard.rules import Action, DetectorRule, GuardRules
from gateway_ext.verdict import Redact

RULES = GuardRules(
    classes=dict.fromkeys(CLASSES, DetectorRule(Action.LOG))
    | dict.fromkeys((PERSONAL, SECRET), DetectorRule(Action.REDACT)),
    detectors={},
    deadline_seconds=30.0,
)
SENTENCES = (
    ("Please check ", " and tell me what you think of it."),
    ("Bitte prüfen: ", ""),
    ("", " est à vérifier."),
    ("The value is (", "), thanks."),
)


async def is_found(guard: GuardEngine, kind: str, disguised: str, random: Random) -> bool:
    before, behind = random.choice(SENTENCES)
    value = before + disguised + behind
    verdict = await guard.inspect([Text(("messages", 0), "messages[0]", "user", value, False)], RULES)
    if not isinstance(verdict, Redact) or kind not in {finding.detector for finding in verdict.findings}:
        return False
    start, end = len(before), len(before) + len(disguised)
    hidden = {place for edit in verdict.edits for place in range(edit.start, edit.end)}
    return all(place in hidden or not value[place].isalnum() for place in range(start, end))


async def measure(variants: int, seed: int) -> list[dict[str, object]]:
    """A row for each disguise: `group` (plain, single, nested), `disguise`, `kinds_found` in all of `variants`, and for
    each kind of value the share that was found.
    """
    guard = GuardEngine(b"benchmark key, not a secret")
    rows: list[dict[str, object]] = []
    for group, disguises in (("plain", {"none": lambda value, _: value}), ("single", DISGUISES), ("nested", NESTED)):
        for name, disguise in disguises.items():
            random = Random(f"{seed} {name}")
            shares = {
                kind: sum(
                    [await is_found(guard, kind, disguise(make(random), random), random) for _ in range(variants)]
                )
                / variants
                for kind, make in VALUES.items()
            }
            rows.append(
                {"group": group, "disguise": name, "kinds_found": sum(s == 1 for s in shares.values())} | shares
            )
    guard.close()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--variants", type=int, default=20, help="values of each kind")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rows = asyncio.run(measure(arguments.variants, arguments.seed))
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{'disguise':24}" + "".join(f"{kind:>14}" for kind in VALUES) + f"{'found':>8}")
    for row in rows:
        cells = "".join(f"{row[kind]:>14.0%}" for kind in VALUES)
        print(f"{row['disguise']:24}{cells}{row['kinds_found']:>6}/{len(VALUES)}")


if __name__ == "__main__":
    main()
