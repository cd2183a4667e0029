from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_ext.errors import EndpointNotServed, ModelUnknown, NoSovereignRoute
from gateway_ext.exchange import Candidate, Dialect, Endpoint
from gateway_ext.routing.plan import find_model, is_sovereign, plan, serving
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


MESSAGES = Candidate("us-m/large", "us-m", "large", "US", "frontier", Dialect.ANTHROPIC)


def test_an_endpoint_uses_the_deployments_of_its_dialect() -> None:
    model = find_model("assistant", rules(US, MESSAGES, FR))
    assert serving(model, Endpoint.MESSAGES).deployments == (MESSAGES,)
    for endpoint in set(Endpoint) - {Endpoint.MESSAGES}:
        assert serving(model, endpoint).deployments == (US, FR)
    assert serving(model, Endpoint.MESSAGES).output_tokens_max == model.output_tokens_max


@pytest.mark.parametrize(
    ("deployment", "endpoint"),
    [(US, Endpoint.MESSAGES), (MESSAGES, Endpoint.CHAT_COMPLETIONS)],
    ids=["openai", "other"],
)
def test_no_deployment_of_the_endpoints_dialect_is_a_refusal(deployment: Candidate, endpoint: Endpoint) -> None:
    with pytest.raises(EndpointNotServed) as caught:
        serving(find_model("assistant", rules(deployment)), endpoint)
    assert caught.value.param == "model"


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
