"""No path that a request can take holds a deployment that policy does not allow for it: against an oracle of its own.

The first attempt, fallbacks, retries, copies, substitutes, smaller and larger models, every endpoint, translated or not; with
providers stopped before and meanwhile, conversations that have held something, and the store of these out of reach.
"""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.properties.sovereignty_cases import Seen, check
from tests.properties.sovereignty_mutants import MUTANTS

POLICIES, REQUESTS, SHARDS = 100, 100, 10  # 100,000 requests
POLICIES_UNTIL_CAUGHT = 80
LEAST = {  # of each thousand requests
    "forwarded": 200,
    "with a fallback": 50,
    "in a class": 150,
    "substituted": 8,
    "degraded": 4,
    "moved to a larger model": 1,
    "held by its conversation": 40,
    "without the store": 5,
    "stopped meanwhile": 8,
    "copied": 20,
    "refused: no_sovereign_route": 100,
    "refused: route_denied": 30,
    "refused: stopped": 10,
    "/v1/messages": 30,
    "/v1/responses": 30,
    "/v1/embeddings": 30,
}


async def _check_all(seeds: range, requests: int, seen: Seen, *, is_exact: bool = True) -> None:
    for seed in seeds:
        try:
            await check(Random(seed), requests, seen, is_exact=is_exact)
        except AssertionError as error:
            raise AssertionError(f"policy {seed}: {error}") from error


@pytest.mark.parametrize("shard", range(SHARDS))
def test_nothing_goes_where_it_must_not(shard: int) -> None:
    seen = Seen()
    asyncio.run(_check_all(range(shard * POLICIES, (shard + 1) * POLICIES), REQUESTS, seen))
    assert seen["requests"] == POLICIES * REQUESTS
    thousands = seen["requests"] / 1_000
    assert {kind: seen[kind] for kind, least in LEAST.items() if seen[kind] < least * thousands} == {}


@given(st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_nothing_goes_where_it_must_not_in_few_words(random: Random) -> None:
    """The same with little: what fails here is shrunk to something that one can read."""
    asyncio.run(check(random, 5, Seen()))


@pytest.mark.parametrize("broken", MUTANTS)
def test_whatever_leads_astray_is_caught(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for mutate in MUTANTS[broken]:
        mutate(monkeypatch)
    with pytest.raises(AssertionError, match=r"beyond|in the verdict|yet tried"):
        asyncio.run(_check_all(range(POLICIES_UNTIL_CAUGHT), REQUESTS, Seen(), is_exact=False))
