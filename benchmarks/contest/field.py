"""Who takes part in `make bench`, and in which cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from benchmarks.contest.cases import CASES, CHAT, Case
from benchmarks.contest.results import DIRECT
from benchmarks.contestants import parts
from benchmarks.contestants.contestant import Contestant
from benchmarks.contestants.floors import direct, plain
from benchmarks.contestants.gateway import gateway
from benchmarks.peers import litellm, mlflow, portkey

BARE = "Envoy alone"
FLOOR_FIXED = "Envoy + empty ext_proc, 3 messages"
FLOOR = "Envoy + empty ext_proc, our 2 messages"
FLOOR_PLACED = "Envoy + empty ext_proc, 2 messages, on cores of their own"
OURS = "gateway-ext, everything on"
INSPECTING = "gateway-ext, answers inspected, too"
REDACTING = "gateway-ext, answers redacted, too"
FILTERED = "LiteLLM + its content filter"
PORTKEY = "Portkey, plain"


class Start(Protocol):
    """Starts a contestant below a directory that does not exist yet, for the upstream at that port."""

    def __call__(self, name: str, root: Path, upstream: int) -> AbstractContextManager[Contestant]: ...


@dataclass(frozen=True, slots=True)
class Entrant:
    """`key` is for the command line; `takes`: whether it is measured in a case."""

    key: str
    name: str
    start: Start
    takes: Callable[[Case], bool] = lambda case: True
    is_ours: bool = False
    is_peer: bool = False


def chats_only(case: Case) -> bool:
    return case is CHAT


def chats_and_streams(case: Case) -> bool:
    return case is CHAT or case.streams > 0


def streams_only(case: Case) -> bool:
    return case.streams > 0


def no_streams(case: Case) -> bool:
    """Peers' guards of requests do not read answers: of streams their plain entrants tell all."""
    return case.streams == 0


def answered_by_all(case: Case) -> bool:
    """Nobody refuses without a guard."""
    return not case.is_refused


def _ours(key: str, name: str, takes: Callable[[Case], bool] = chats_only, **how: Any) -> Entrant:
    return Entrant(key, name, partial(gateway, **how), takes, is_ours=True)


ENTRANTS: Sequence[Entrant] = (
    Entrant("direct", DIRECT, direct, answered_by_all),
    Entrant("envoy", BARE, partial(plain, with_processor=False), answered_by_all),
    Entrant("floor-3", FLOOR_FIXED, partial(plain, with_processor=True), chats_only),
    Entrant("floor-2", FLOOR, partial(plain, with_processor=True, reads_response_headers=False), answered_by_all),
    Entrant(
        "floor-placed",
        FLOOR_PLACED,
        partial(plain, with_processor=True, reads_response_headers=False, is_placed=True),
        chats_only,
    ),
    _ours("ours", OURS, takes=lambda case: True),
    _ours("inspecting", INSPECTING, chats_and_streams, edit=parts.with_responses_inspected),
    _ours("redacting", REDACTING, streams_only, edit=parts.with_responses_redacted),
    _ours("no-guard", "gateway-ext, Guard off", edit=parts.without_guard),
    _ours("one-budget", "gateway-ext, one budget", edit=parts.with_one_budget),
    _ours("power-loss", "gateway-ext, record survives power loss", settings={"audit_durability": "power_loss"}),
    Entrant("litellm", "LiteLLM, plain", litellm.plain, answered_by_all, is_peer=True),
    Entrant("litellm-filter", FILTERED, litellm.with_content_filter, is_peer=True),
    Entrant("litellm-presidio", "LiteLLM + Presidio", litellm.with_presidio, no_streams, is_peer=True),
    Entrant("portkey", PORTKEY, portkey.plain, answered_by_all, is_peer=True),
    Entrant(
        "portkey-regex", "Portkey + regular expressions", portkey.with_regular_expressions, no_streams, is_peer=True
    ),
    Entrant("mlflow", "MLflow", mlflow.plain, answered_by_all, is_peer=True),
)
QUICK = frozenset({"direct", "envoy", "floor-3", "floor-2", "floor-placed", "ours", "inspecting", "no-guard"})
QUICK_CASES = frozenset({"chat", "chat-again", "findings", "streams-50"})


def chosen(keys: frozenset[str], cases: frozenset[str]) -> tuple[list[Entrant], list[Case]]:
    """Those with these keys and names. Raises KeyError for one that there is not."""
    unknown = (keys - {each.key for each in ENTRANTS}) | (cases - {each.name for each in CASES})
    if unknown:
        raise KeyError(", ".join(sorted(unknown)))
    return [each for each in ENTRANTS if each.key in keys], [each for each in CASES if each.name in cases]
