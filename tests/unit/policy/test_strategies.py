"""Strategies, capabilities and windows, from models.yaml to the rules; and what editing them changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway_ext.envoyconf.render import render
from gateway_ext.policy.loader import load_policy, read_policy
from gateway_ext.policy.problems import PolicyError
from gateway_ext.routing.rules import VirtualModel
from gateway_ext.routing.shadow import Shadow
from gateway_ext.routing.strategies import By, Difficulty, Measure, StickyBy, Strategy
from gateway_ext.settings import StateLayout

PRICE = "price: {input: 1, output: 2}"


def model(policy_dir: Path, written: str) -> VirtualModel:
    """The one that `written` says, named m."""
    (policy_dir / "models.yaml").write_text(f"models:\n  m: {written}\n")
    return load_policy(policy_dir).routing.models["m"]


def test_without_a_word_about_it(policy_dir: Path) -> None:
    found = model(policy_dir, f"{{deployments: [{{provider: us, {PRICE}}}]}}")
    assert found.strategy == Strategy(By.PRIORITY, salt="m")
    assert (found.larger, found.drops_oldest) == ("", False)
    (deployment,) = found.deployments
    assert (deployment.weight, deployment.context_tokens, deployment.capabilities) == (1, 0, None)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("by: cheapest", Strategy(By.CHEAPEST)),
        ("by: weighted", Strategy(By.WEIGHTED)),
        ("by: weighted, sticky_by: conversation", Strategy(By.WEIGHTED, sticky_by=StickyBy.CONVERSATION)),
        (
            "by: fastest, measure: whole, explore_percent: 0",
            Strategy(By.FASTEST, measure=Measure.WHOLE, explored_share=0),
        ),
    ],
)
def test_strategies(policy_dir: Path, written: str, expected: Strategy) -> None:
    found = model(policy_dir, f"{{strategy: {{{written}}}, deployments: [{{provider: us, {PRICE}}}]}}")
    assert found.strategy == replace(expected, salt="m")


def test_what_deployments_are_for(policy_dir: Path) -> None:
    found = model(
        policy_dir,
        "{strategy: {by: complexity, complex_from_percent: 40}, deployments: ["
        f"{{provider: us, {PRICE}, for: simple}}, {{provider: eu, {PRICE}, for: complex}}, {{provider: own, {PRICE}}}]}}",
    )
    assert found.strategy.suits == {"us/m": Difficulty.SIMPLE, "eu/m": Difficulty.COMPLEX}
    assert found.strategy.complex_from == 0.4


def test_what_deployments_can_do_and_hold(policy_dir: Path) -> None:
    found = model(
        policy_dir,
        "{on_too_long: drop_oldest, strategy: {by: weighted}, deployments: ["
        f"{{provider: us, {PRICE}, weight: 0, context_tokens: 8000, capabilities: [tools, vision]}},"
        f"{{provider: eu, {PRICE}, capabilities: []}}]}}",
    )
    assert found.drops_oldest
    first, second = found.deployments
    assert (first.weight, first.context_tokens, first.capabilities) == (0, 8_000, frozenset({"tools", "vision"}))
    assert (second.weight, second.context_tokens, second.capabilities) == (1, 0, frozenset())


def test_larger_ones_end_at_the_largest(policy_dir: Path) -> None:
    chain = "".join(
        f"  m{number}: {{context_tokens: {8_000 + number}, {after} deployments: [{{provider: us, {PRICE}}}]}}\n"
        for number, after in ((1, "larger: m2,"), (2, "larger: m3,"), (3, ""))
    )
    (policy_dir / "models.yaml").write_text(f"models:\n{chain}")
    models = load_policy(policy_dir).routing.models
    assert [each.larger for each in models.values()] == ["m2", "m3", ""]
    (policy_dir / "models.yaml").write_text(f"models:\n{chain.replace('8003, ', '8003, larger: m1,')}")
    with pytest.raises(PolicyError) as caught:
        load_policy(policy_dir)
    told = [problem.message for problem in caught.value.problems]
    assert told == [
        "leads to a model once more; end it at the largest one",
        "'m1' holds no more than 'm3': 8001 tokens; raise its context_tokens",
    ]


def test_a_canary_is_moved_by_editing_a_number(policy_dir: Path) -> None:
    """Nothing but the weights differs, and nothing at all for Envoy: no cluster comes or goes, no listener restarts."""
    layout = StateLayout(Path("/state"))
    seen = []
    for new in (1, 50, 100):
        found = model(
            policy_dir,
            f"{{strategy: {{by: weighted}}, deployments: [{{provider: us, {PRICE}, weight: {100 - new}}},"
            f" {{provider: eu, {PRICE}, weight: {new}}}]}}",
        )
        assert [each.weight for each in found.deployments] == [100 - new, new]
        seen.append((load_policy(policy_dir), found))
    for snapshot, found in seen[1:]:
        assert replace(found, deployments=()) == replace(seen[0][1], deployments=())
        assert [replace(each, weight=1) for each in found.deployments] == [
            replace(each, weight=1) for each in seen[0][1].deployments
        ]
        assert render(snapshot, layout, 1) == render(seen[0][0], layout, 1)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{model: candidate, share_percent: 5}", Shadow("candidate", 0.05)),
        ("{model: candidate, share_percent: 0.5, payer: platform}", Shadow("candidate", 0.005, "platform")),
        ("{model: candidate, share_percent: 100}", Shadow("candidate", 1.0)),
    ],
)
def test_shadows(policy_dir: Path, written: str, expected: Shadow) -> None:
    candidate = (
        f"{{deployments: [{{provider: eu, {PRICE}}}]}}\n  candidate: {{deployments: [{{provider: eu, {PRICE}}}]}}"
    )
    assert model(policy_dir, f"{{shadow: {written}, {candidate[1:]}").shadow == expected


@pytest.mark.parametrize("share", ["0", "100.5", "true", "a lot"])
def test_no_share_at_all(policy_dir: Path, share: str) -> None:
    with pytest.raises(PolicyError, match="above 0 and at most 100"):
        model(policy_dir, f"{{shadow: {{model: m, share_percent: {share}}}, deployments: [{{provider: us, {PRICE}}}]}}")


@pytest.mark.parametrize(("own", "other", "is_told"), [("eu", "us", True), ("us", "eu", False), ("us", "us", False)])
def test_a_shadow_that_never_gets_a_copy_is_told_of(policy_dir: Path, own: str, other: str, is_told: bool) -> None:
    (policy_dir / "models.yaml").write_text(
        "models:\n"
        f"  m:\n    shadow: {{model: n, share_percent: 5}}\n    deployments: [{{provider: {own}, {PRICE}}}]\n"
        f"  n: {{deployments: [{{provider: {other}, {PRICE}}}]}}\n"
    )
    found = [each for each in read_policy(policy_dir).warnings if "never gets a copy" in each.message]
    assert [(each.file, each.line, each.column) for each in found] == ([("models.yaml", 3, 21)] if is_told else [])
