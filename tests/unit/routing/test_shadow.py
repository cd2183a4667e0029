"""Which requests are copied, and where to: never to a less sovereign place, never to one that was not allowed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_ext.exchange import ENDPOINTS_OF, Candidate, Dialect, Endpoint, Estimate
from gateway_ext.routing.shadow import Original, Shadow, destination, is_sampled

TIERS = ("frontier", "frontier-eu", "open-eu", "on-prem")
CHAT, MESSAGES = Endpoint.CHAT_COMPLETIONS, Endpoint.MESSAGES


def deployment(name: str, tier: str = "frontier-eu", **fields: Any) -> Candidate:
    return replace(Candidate(f"p/{name}", "p", name, "FR", tier), **fields)


ORIGINAL = Original(deployment("first"), CHAT, CHAT, Estimate(1_000, 500), 1, 8_000)


def sent_to(*allowed: Candidate, original: Original = ORIGINAL, context_tokens: int = 8_000) -> str:
    found = destination(allowed, original, context_tokens, TIERS)
    return found.model if found else ""


def test_a_share_of_exchanges_is_copied_and_a_larger_share_copies_those_as_well() -> None:
    ids = [f"{number:032x}" for number in range(4_000)]
    few, more = ({each for each in ids if is_sampled(each, Shadow("candidate", share))} for share in (0.05, 0.3))
    assert len(few) == pytest.approx(200, rel=0.3)
    assert few < more
    assert all(is_sampled(each, Shadow("candidate", 1.0)) for each in ids)


def test_shadows_of_two_models_do_not_copy_the_same_exchanges() -> None:
    ids = [f"{number:032x}" for number in range(1_000)]
    one, other = ({each for each in ids if is_sampled(each, Shadow(name, 0.5))} for name in ("one", "other"))
    assert one - other
    assert other - one


def test_the_first_that_is_at_least_as_sovereign() -> None:
    assert sent_to(deployment("a", "frontier"), deployment("b", "frontier-eu"), deployment("c", "on-prem")) == "b"
    assert sent_to(deployment("a", "frontier"), deployment("c", "on-prem")) == "c"
    assert sent_to(deployment("a", "frontier")) == ""
    assert sent_to() == ""


def test_not_where_the_request_is_anyway() -> None:
    assert sent_to(ORIGINAL.first, deployment("b")) == "b"


@pytest.mark.parametrize(
    ("asked", "written", "wire", "is_sent"),
    [
        (CHAT, CHAT, CHAT, True),
        (CHAT, CHAT, MESSAGES, True),  # translated from the caller's own words
        (CHAT, MESSAGES, MESSAGES, True),  # as it was translated for the request
        (CHAT, MESSAGES, CHAT, False),  # would be translated back
        (MESSAGES, CHAT, CHAT, True),
        (Endpoint.RESPONSES, CHAT, MESSAGES, False),
        (Endpoint.EMBEDDINGS, Endpoint.EMBEDDINGS, MESSAGES, False),  # cannot be said there at all
    ],
)
def test_nothing_is_translated_twice(asked: Endpoint, written: Endpoint, wire: Endpoint, is_sent: bool) -> None:
    other = deployment("b", endpoints=frozenset({wire}))
    assert bool(sent_to(other, original=replace(ORIGINAL, asked=asked, written=written))) is is_sent


def test_only_where_there_is_room_for_it() -> None:
    assert sent_to(deployment("b"), context_tokens=1_499) == ""
    assert sent_to(deployment("b"), context_tokens=1_500) == "b"
    assert sent_to(deployment("b", context_tokens=1_500), context_tokens=100) == "b"
    long = replace(ORIGINAL, estimate=Estimate(1_000_000, 500))  # a bound, by bytes: what the first holds, others hold
    assert sent_to(deployment("b"), original=long) == "b"
    assert sent_to(deployment("b"), original=long, context_tokens=7_999) == ""
    assert sent_to(deployment("b"), original=replace(ORIGINAL, estimate=Estimate(1_000, 1_000), choices=2)) == "b"


@st.composite
def deployments(draw: st.DrawFn, name: str) -> Candidate:
    dialect = draw(st.sampled_from(Dialect))
    return deployment(name, draw(st.sampled_from(TIERS)), endpoints=ENDPOINTS_OF[dialect])


@given(first=deployments("first"), others=st.lists(deployments("other"), max_size=4), written=st.sampled_from(Endpoint))
@settings(max_examples=200)
def test_whatever_is_allowed_the_copy_never_lowers_the_tier(
    first: Candidate, others: list[Candidate], written: Endpoint
) -> None:
    found = destination(others, replace(ORIGINAL, first=first, written=written), 8_000, TIERS)
    if found is not None:
        assert found in others
        assert TIERS.index(found.tier) >= TIERS.index(first.tier)
