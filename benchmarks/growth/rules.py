"""How a request, and reading policy, grow with the number of rules: of routing, of access, of the Guard, and its dictionaries."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from benchmarks.growth import cpu, processor
from benchmarks.growth.growth import Growth
from benchmarks.growth.prompt_size import chat
from gateway_ext.pipeline import Pipeline
from gateway_ext.policy.loader import load_policy

DIMENSION = "policy"
COUNTS = (10, 100, 1_000)
BODY = chat(4_096, in_messages=True)
TERMS = 20  # of a dictionary

Policy = dict[str, Any]


def routing_conditions(count: int) -> Policy:
    """Rules about every model, each with a condition of its own, none of which changes anything."""
    when = "caller.team == 'team-{0}' && now.getHours('Europe/Paris') >= 20 && 'personal' in data.classes"
    rules = [
        {"name": f"r{number}", "when": when.format(number), "without": {"jurisdictions": ["US"]}}
        for number in range(count)
    ]
    return {"routing": {"rules": rules}}


def routing_lists(count: int) -> Policy:
    """Rules that hold for every request."""
    return {"routing": {"rules": [{"name": f"r{each}", "prefer": {"jurisdictions": ["US"]}} for each in range(count)]}}


def access(count: int) -> Policy:
    """A rule for each of so many teams: few are the caller's."""
    return {
        "access": {
            "access": [
                {"name": "people", "models": ["*"], "groups": ["llm-users"]},
                *({"name": f"a{each}", "models": ["assist*"], "teams": [f"team-{each}"]} for each in range(count)),
            ]
        }
    }


def access_conditions(count: int) -> Policy:
    """Rules for everybody, each with a condition to ask."""
    when = "caller.team == 'team-{0}' || now.getHours('Europe/Paris') >= 0"
    return {
        "access": {
            "access": [{"name": f"a{each}", "models": ["*"], "when": when.format(each)} for each in range(count)]
        }
    }


def guard_overrides(count: int) -> Policy:
    """For as many teams."""
    return {
        "guard": {
            "overrides": [
                {
                    "name": f"o{each}",
                    "when": {"teams": [f"team-{each}"]},
                    "detectors": {"iban": {"action": "redact"}},
                }
                for each in range(count)
            ]
        }
    }


def guard_conditions(count: int) -> Policy:
    """Overrides for everybody, each with a condition to ask."""
    when = "caller.team == 'team-{0}'"
    return {
        "guard": {
            "overrides": [
                {
                    "name": f"o{each}",
                    "when": {"condition": when.format(each)},
                    "detectors": {"iban": {"action": "redact"}},
                }
                for each in range(count)
            ]
        }
    }


def dictionaries(count: int) -> Policy:
    """The operator's own detectors, with TERMS terms each."""
    return {"guard": {"dictionaries": {f"words_{each}": {"terms": f"words_{each}.terms"} for each in range(count)}}}


KINDS: dict[str, Callable[[int], Policy]] = {
    "routing rules with conditions": routing_conditions,
    "routing rules that all hold": routing_lists,
    "access rules of other teams": access,
    "access rules with conditions": access_conditions,
    "overrides of the Guard, of other teams": guard_overrides,
    "overrides of the Guard with conditions": guard_conditions,
    "dictionaries of 20 terms": dictionaries,
}


def write(changes: Policy, policies: Path) -> None:
    """Put `changes` (file → section → value) into the policy files there."""
    for name, sections in changes.items():
        file = policies / f"{name}.yaml"
        file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | sections, sort_keys=False))
    for number, name in enumerate(changes.get("guard", {}).get("dictionaries", {})):
        terms = (f"Zuvorix{number} Plan{term}" for term in range(TERMS))
        (policies / f"{name}.terms").write_text("\n".join(terms) + "\n")


async def measure(root: Path, counts: tuple[int, ...] = COUNTS, turns: int = 3) -> list[Growth]:
    found = []
    for kind, changes in KINDS.items():
        async with AsyncExitStack() as stack:
            pipelines: dict[int, Pipeline] = {}
            directories: dict[int, Path] = {}
            for count in counts:
                edit = partial(write, changes(count))
                settings = processor.new_state(root, f"{changes.__name__}-{count}", edit)
                directories[count] = settings.policies_dir
                pipelines[count] = await stack.enter_async_context(processor.running(settings))

            async def request(count: int, of: dict[int, Pipeline] = pipelines) -> float:
                return await processor.request_ms(of[count], lambda: BODY)

            async def reading(count: int, of: dict[int, Path] = directories) -> float:
                return await cpu.milliseconds(partial(_load, of[count]))

            values = await cpu.taking_turns(counts, request, turns)
            found.append(Growth(DIMENSION, f"request, {kind}", "rules", "ms", counts, values))
            values = await cpu.taking_turns(counts, reading, 1)
            found.append(Growth(DIMENSION, f"reading, {kind}", "rules", "ms", counts, values))
    return found


async def _load(policies: Path) -> None:
    load_policy(policies)
