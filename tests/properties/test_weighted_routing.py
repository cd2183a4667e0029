"""Editing the weights of a running canary moves callers into what gains weight, and nobody else."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_ext.exchange import Candidate, Endpoint, Estimate, Prompt
from gateway_ext.routing.measured import Reading
from gateway_ext.routing.strategies import Asked, By, StickyBy, Strategy, order

PROMPT = Prompt(Endpoint.CHAT_COMPLETIONS, "m", {}, (), False, False, None, 1, body_bytes=1)
DEPLOYMENTS = tuple(Candidate(f"p{number}/m", f"p{number}", "m", "FR", "open-eu") for number in range(5))
CALLERS = [f"issuer/{number}" for number in range(120)]
WEIGHTS = st.lists(st.integers(0, 100), min_size=2, max_size=5).filter(any)


def first(caller: str, deployments: tuple[Candidate, ...], salt: str = "m") -> str:
    asked = Asked("e", caller, PROMPT, Estimate(1, 1))
    strategy = Strategy(By.WEIGHTED, salt, StickyBy.CALLER)
    ordered, _ = order(strategy, deployments, asked, lambda _: Reading(), lambda *_: 0)
    assert set(ordered) == set(deployments)
    return ordered[0].cluster


def placed(weights: list[int]) -> tuple[Candidate, ...]:
    return tuple(replace(each, weight=weight) for each, weight in zip(DEPLOYMENTS, weights, strict=False))


@settings(max_examples=60)
@given(WEIGHTS, st.data())
def test_a_higher_weight_only_draws_callers_in(weights: list[int], data: st.DataObject) -> None:
    raised = data.draw(st.integers(0, len(weights) - 1))
    after = list(weights)
    after[raised] += data.draw(st.integers(1, 100))
    for caller in CALLERS:
        was, now = first(caller, placed(weights)), first(caller, placed(after))
        assert now == was or now == DEPLOYMENTS[raised].cluster


@settings(max_examples=60)
@given(WEIGHTS, st.data())
def test_a_deployment_that_is_not_allowed_moves_only_its_own_callers(weights: list[int], data: st.DataObject) -> None:
    deployments = placed(weights)
    gone = data.draw(st.sampled_from(deployments))
    left = tuple(each for each in deployments if each is not gone)
    if not any(each.weight for each in left):
        return
    for caller in CALLERS:
        if (was := first(caller, deployments)) != gone.cluster:
            assert first(caller, left) == was


def test_a_canary_from_1_to_100_percent_only_gains_callers() -> None:
    in_canary: set[str] = set()
    for percent in (1, 5, 10, 25, 50, 75, 90, 99, 100):
        deployments = placed([100 - percent, percent])
        now = {caller for caller in CALLERS if first(caller, deployments) == "p1/m"}
        assert in_canary <= now
        in_canary = now
    assert in_canary == set(CALLERS)


@settings(max_examples=60)
@given(WEIGHTS, st.permutations(range(5)))
def test_the_order_in_which_deployments_are_written_does_not_matter(weights: list[int], places: list[int]) -> None:
    deployments = placed(weights)
    shuffled = tuple(deployments[place] for place in places if place < len(deployments))
    assert all(first(caller, deployments) == first(caller, shuffled) for caller in CALLERS[:30])
