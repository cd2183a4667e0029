from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_ext.errors import ModelUnknown, NoSovereignRoute
from gateway_ext.exchange import Candidate
from gateway_ext.routing.plan import find_model, is_sovereign, plan
from gateway_ext.routing.rules import RoutingRules, SovereignRule, VirtualModel

SOVEREIGN = SovereignRule(frozenset({"open-eu", "on-prem"}), frozenset({"FR", "DE"}))
US = Candidate("us/large", "us", "large", "US", "frontier")
FR = Candidate("fr/large", "fr", "large", "FR", "open-eu")
US_IN_EU_TIER = Candidate("us2/large", "us2", "large", "US", "open-eu")


def rules(*deployments: Candidate) -> RoutingRules:
    model = VirtualModel("assistant", deployments, output_tokens_max=100, context_tokens=1000)
    return RoutingRules(("frontier", "open-eu", "on-prem"), SOVEREIGN, {"assistant": model}, {})


def test_order_of_preference_without_findings() -> None:
    known = rules(US, FR)
    assert plan(find_model("assistant", known), must_be_sovereign=False, rules=known) == (US, FR)


def test_only_sovereign_deployments_for_sovereign_content() -> None:
    known = rules(US, US_IN_EU_TIER, FR)
    assert plan(find_model("assistant", known), must_be_sovereign=True, rules=known) == (FR,)


def test_no_sovereign_deployment_is_a_refusal() -> None:
    known = rules(US, US_IN_EU_TIER)
    with pytest.raises(NoSovereignRoute):
        plan(find_model("assistant", known), must_be_sovereign=True, rules=known)


def test_an_unknown_model() -> None:
    with pytest.raises(ModelUnknown) as caught:
        find_model("gpt-∞", rules(US))
    assert "gpt" not in str(caught.value), "the caller's text is not repeated"


candidates = st.builds(
    Candidate,
    cluster=st.text(max_size=5),
    provider=st.just("p"),
    model=st.just("m"),
    jurisdiction=st.sampled_from(["US", "FR", "DE", "CN"]),
    tier=st.sampled_from(["frontier", "open-eu", "on-prem"]),
)


@given(st.lists(candidates, min_size=1, max_size=6))
def test_a_fallback_never_lowers_sovereignty(deployments: list[Candidate]) -> None:
    known = rules(*deployments)
    try:
        planned = plan(find_model("assistant", known), must_be_sovereign=True, rules=known)
    except NoSovereignRoute:
        planned = ()
    assert all(is_sovereign(candidate, SOVEREIGN) for candidate in planned)
    assert list(planned) == [candidate for candidate in deployments if is_sovereign(candidate, SOVEREIGN)]
