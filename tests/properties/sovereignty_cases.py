"""Requests drawn at random, sent on the real path and held against the oracle."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from random import Random
from typing import Any

from gateway_ext.response.forwarded import Forwarded
from tests.properties.sovereignty_oracle import Asked, Expected, Oracle
from tests.properties.sovereignty_policies import CLASSES, DETECTORS, ENDPOINTS, MODELS, TEAMS, compiled, draw
from tests.properties.sovereignty_world import Sent, World

LONG = "x" * 3_000  # more than the two smaller models hold

Seen = Counter[str]
"""How many requests came to each kind of end: a check of what never happens proves nothing."""


async def check(random: Random, requests: int, seen: Seen, *, is_exact: bool = True) -> None:
    """One policy and some requests, of which some belong to one conversation. Raises AssertionError.

    `is_exact`: a request must also go to all that policy allows for it; else only to nothing beyond.
    """
    written = draw(random)
    oracle, world = Oracle(written), World(compiled(written))
    held: defaultdict[str, frozenset[str]] = defaultdict(frozenset)
    try:
        for number in range(requests):
            await _check_one(random, number, oracle, world, held, seen, is_exact=is_exact)
        await world.pipeline.background.drain(timeout_seconds=5)
    finally:
        world.pipeline.close()


async def _check_one(
    random: Random,
    number: int,
    oracle: Oracle,
    world: World,
    held: defaultdict[str, frozenset[str]],
    seen: Seen,
    *,
    is_exact: bool,
) -> None:
    team, is_trusted = random.choice(TEAMS), random.random() < 0.1
    conversation = f"{'page' if is_trusted else team}-{random.randint(0, 5)}"
    asked = _asked(random, team, held[conversation], oracle, is_trusted=is_trusted)
    is_long = random.random() < 0.1
    body = _body(asked, f"{conversation} {number}{LONG if is_long else ''}")
    expected = oracle.expected(asked, oracle.served_by(asked))
    decided = await world.send(asked, body, conversation)
    if isinstance(decided, Forwarded):
        sent = world.walked(decided, body, random.choice((frozenset(), _providers(random, oracle))))
        if is_long:
            expected = _of_long(oracle, asked, sent)
    else:
        sent = decided
    _compare(asked, expected, sent, oracle, is_exact=is_exact and not is_long)
    if isinstance(decided, Forwarded):
        may_be_copied = oracle.copies(
            asked, sent.model, decided.forward.candidates[0].cluster, expected.classes, is_degraded=sent.is_degraded
        )
        copied = await world.copied(decided, body)
        assert copied in {"", *may_be_copied}, f"a copy of {asked} went to {copied}, beyond {may_be_copied}"
        seen["copied"] += bool(copied)
        for other in sorted(oracle.catalog.keys() - set(sent.clusters))[:2]:
            assert not world.is_reached(decided, other), f"{other} is not in the verdict of {asked} and yet reached"
        if asked.held is not None:
            held[conversation] |= expected.lasting
    _count(asked, expected, sent, seen)


def _compare(asked: Asked, expected: Expected, sent: Sent, oracle: Oracle, *, is_exact: bool) -> None:
    assert sent.refusal != "internal_error", f"{asked} is not understood"
    tried = frozenset(sent.clusters)
    assert tried <= expected.clusters, f"{asked} went to {sorted(tried - expected.clusters)}, beyond {expected}"
    assert len(tried) == len(sent.clusters), f"{asked} goes to one deployment twice"
    if is_exact and all(oracle.is_native(each, asked.endpoint) for each in expected.clusters):
        assert tried == expected.clusters, f"{asked} did not go to all of {expected}: {sent}"


def _of_long(oracle: Oracle, asked: Asked, sent: Sent) -> Expected:
    """Of the model that the trail says it was moved to: the oracle does not count tokens. Policy must lead there."""
    assert sent.model in oracle.models_behind(asked.model), (
        f"{asked} was moved to {sent.model}, beyond what policy names"
    )
    return oracle.expected(asked, sent.model, is_degraded=sent.is_degraded, is_long=True)


def _asked(random: Random, team: str, held: frozenset[str], oracle: Oracle, *, is_trusted: bool) -> Asked:
    endpoint = random.choice(ENDPOINTS)
    labels = [*CLASSES, *(f"label-{number}" for number in range(len(CLASSES)))]
    return Asked(
        team=team,
        endpoint=endpoint,
        model=random.choice(MODELS),
        findings=tuple(sorted(random.sample(list(DETECTORS), random.choice((0, 0, 1, 1, 2))))),
        labels=frozenset(random.sample(labels, random.choice((0, 0, 0, 1, 2)))),
        are_labels_trusted=is_trusted,
        is_stream=endpoint != "/v1/embeddings" and random.random() < 0.3,
        continues_elsewhere=endpoint == "/v1/responses" and random.random() < 0.3,
        held=None if random.random() < 0.05 else held,
        has_no_money=frozenset(random.sample(MODELS, random.choice((0, 0, 0, 1, 2)))),
        stopped_before=_providers(random, oracle) if random.random() < 0.1 else frozenset(),
        stopped_meanwhile=_providers(random, oracle) if random.random() < 0.1 else frozenset(),
    )


def _providers(random: Random, oracle: Oracle) -> frozenset[str]:
    providers = sorted(oracle.written["providers"]["providers"])
    return frozenset(random.sample(providers, random.randint(1, len(providers) - 1)))


def _body(asked: Asked, text: str) -> bytes:
    document: dict[str, Any] = {"model": asked.model, "max_tokens": 16}
    match asked.endpoint:
        case "/v1/responses":
            document = {"model": asked.model, "max_output_tokens": 16, "input": text}
        case "/v1/embeddings":
            document = {"model": asked.model, "input": text}
        case "/v1/completions":
            document["prompt"] = text
        case _:
            document["messages"] = [{"role": "user", "content": text}]
    if asked.is_stream:
        document["stream"] = True
    if asked.continues_elsewhere:
        document["previous_response_id"] = "resp_of_another_day"
    return json.dumps(document).encode()


def _count(asked: Asked, expected: Expected, sent: Sent, seen: Seen) -> None:
    seen["requests"] += 1
    if not sent.clusters:
        seen[f"refused: {sent.refusal}"] += 1
        return
    seen["forwarded"] += 1
    seen["with a fallback"] += len(sent.clusters) > 1
    seen["substituted"] += expected.is_substituted
    seen["degraded"] += sent.is_degraded
    seen["moved to a larger model"] += sent.is_larger
    seen["in a class"] += bool(expected.classes)
    seen["held by its conversation"] += bool(asked.held)
    seen["without the store"] += asked.held is None
    seen["stopped meanwhile"] += bool(asked.stopped_meanwhile)
    seen[asked.endpoint] += 1
