from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway_ext.conditions.condition import compile_condition
from gateway_ext.conditions.facts import Facts, routing_facts
from gateway_ext.conditions.vocabulary import ROUTING
from gateway_ext.errors import ConditionFailed, EndpointNotServed, ModelUnknown, NoSovereignRoute, RouteDenied
from gateway_ext.exchange import (
    ENDPOINTS_OF,
    Candidate,
    CredentialClass,
    Dialect,
    Endpoint,
    Estimate,
    Principal,
    Prompt,
)
from gateway_ext.routing.data_classes import SOVEREIGN, DataClass
from gateway_ext.routing.plan import Route, find_model, plan, serving
from gateway_ext.routing.rules import Effect, RoutingRule, RoutingRules, SovereignRule, VirtualModel

US = Candidate("us/large", "us", "large", "US", "frontier")
DE = Candidate("de/large", "de", "large", "DE", "open-eu")
FR = Candidate("fr/large", "fr", "large", "FR", "open-eu")
HOME = Candidate("home/small", "home", "small", "FR", "on-prem", substitute_for="assistant")
CLASSES = {SOVEREIGN: {"de/large", "fr/large", "home/small"}, "secret": {"fr/large", "home/small"}, "doom": set[str]()}
RESEARCH = Principal("ada", "person", "company", CredentialClass.SSO, "c1", team="research")
PROMPT = Prompt(Endpoint.CHAT_COMPLETIONS, "assistant", {}, (), False, False, None, 1, 9)


def about(*deployments: Candidate, rules: tuple[RoutingRule, ...] = (), otherwise: str = "") -> RoutingRules:
    model = VirtualModel("assistant", deployments, output_tokens_max=100, context_tokens=1000, otherwise=otherwise)
    classes = {name: DataClass(name, frozenset(clusters)) for name, clusters in CLASSES.items()}
    sovereign = SovereignRule(frozenset({"open-eu", "on-prem"}), frozenset({"FR", "DE"}))
    return RoutingRules(
        ("frontier", "open-eu", "on-prem"), sovereign, {"assistant": model}, {}, data_classes=classes, rules=rules
    )


def facts() -> Facts:
    return routing_facts(RESEARCH, "assistant", PROMPT, 0, estimate=Estimate(1, 1))


def planned(rules: RoutingRules, *classes: str, known: Callable[[], Facts] = facts) -> Route:
    model = find_model("assistant", rules)
    return plan(model, model.deployments, frozenset(classes), known, rules)


def rule(name: str, effect: Effect, *clusters: str, when: str = "", **fields: object) -> RoutingRule:
    condition = compile_condition(when, ROUTING, rule=f"rule:{name}") if when else None
    return replace(RoutingRule(name, effect, clusters=frozenset(clusters), when=condition), **fields)  # type: ignore[arg-type]  # fields of the rule


def test_without_classes_and_rules_all_stay_as_written() -> None:
    assert planned(about(US, FR)) == Route((US, FR), (), ())


def test_each_class_removes_what_it_does_not_allow() -> None:
    route = planned(about(US, DE, FR), "secret", SOVEREIGN)
    assert route.candidates == (FR,)
    assert route.reasons == ("class:secret",), "a class that removes nothing more decides nothing"
    assert route.left_out == (("us/large", "class:secret"), ("de/large", "class:secret"))


@pytest.mark.parametrize(
    ("classes", "message", "rules"),
    [
        (
            (SOVEREIGN,),
            "This content may only go to a sovereign deployment, and this model has none.",
            ("class:sovereign",),
        ),
        (("doom",), "This content is doom, and no deployment of this model is allowed for it.", ("class:doom",)),
        (("unheard-of",), "This content is unheard-of, and no deployment", ("class:unheard-of",)),
    ],
)
def test_a_class_that_leaves_nothing_is_a_refusal(
    classes: tuple[str, ...], message: str, rules: tuple[str, ...]
) -> None:
    with pytest.raises(NoSovereignRoute) as caught:
        planned(about(US), *classes)
    assert str(caught.value).startswith(message)
    assert (caught.value.rules, caught.value.param) == (rules, "model")


def test_a_refusal_names_the_classes_that_took_part() -> None:
    with pytest.raises(NoSovereignRoute) as caught:
        planned(about(US, DE), "secret", SOVEREIGN)
    assert caught.value.rules == ("class:secret",), "of sovereign nothing was left to remove"
    foreign = {**about().data_classes, "foreign": DataClass("foreign", frozenset({"us/large"}))}
    with pytest.raises(NoSovereignRoute, match="is foreign and sovereign"):
        planned(replace(about(US, DE), data_classes=foreign), "foreign", SOVEREIGN)


def test_rules_remove_and_prefer_in_order() -> None:
    only = rule("eu", Effect.ONLY, "de/large", "fr/large")
    prefer = rule("france", Effect.PREFER, "fr/large")
    assert planned(about(US, DE, FR, rules=(only, prefer))) == Route(
        (FR, DE), ("rule:eu", "rule:france"), (("us/large", "rule:eu"),)
    )
    without = rule("no-de", Effect.WITHOUT, "de/large")
    assert planned(about(US, DE, FR, rules=(without,))).candidates == (US, FR)


def test_a_later_preference_comes_first_and_the_rest_keeps_its_order() -> None:
    rules = (rule("a", Effect.PREFER, "de/large"), rule("b", Effect.PREFER, "fr/large"))
    assert planned(about(US, DE, FR, rules=rules)).candidates == (FR, DE, US)


def test_a_preference_for_what_is_not_there_decides_nothing() -> None:
    assert planned(about(US, FR, rules=(rule("a", Effect.PREFER, "de/large"),))).reasons == ()


def test_preference_beats_the_strategy_and_keeps_its_order_among_the_preferred() -> None:
    rules = about(US, DE, FR, rules=(rule("eu", Effect.PREFER, "de/large", "fr/large"),))
    model = find_model("assistant", rules)
    route = plan(model, model.deployments, frozenset(), facts, rules, lambda given: (given[::-1], "strategy:cheapest"))
    assert route.candidates == (FR, DE, US)
    assert route.reasons == ("rule:eu", "strategy:cheapest")


def test_a_denial_tells_the_callers_what_policy_says() -> None:
    denying = rule("freeze", Effect.DENY, message="Closed until Monday.")
    with pytest.raises(RouteDenied) as caught:
        planned(about(US, rules=(rule("eu", Effect.WITHOUT, "de/large"), denying)))
    assert (str(caught.value), caught.value.rules) == ("Closed until Monday.", ("rule:freeze",))


def test_rules_that_leave_nothing_are_a_refusal() -> None:
    rules = (rule("not-us", Effect.WITHOUT, "us/large"), rule("not-eu", Effect.WITHOUT, "de/large", "fr/large"))
    with pytest.raises(RouteDenied) as caught:
        planned(about(US, DE, rules=rules))
    assert caught.value.rules == ("rule:not-us", "rule:not-eu")


def test_rules_apply_where_their_condition_holds() -> None:
    rules = (
        rule("sales", Effect.DENY, when="caller.team == 'sales'"),
        rule("research", Effect.ONLY, "fr/large", when="caller.team == 'research'"),
    )
    assert planned(about(US, FR, rules=rules)).candidates == (FR,)


def test_facts_are_gathered_once_and_only_for_conditions() -> None:
    asked = []

    def known() -> Facts:
        asked.append(1)
        return facts()

    planned(about(US, FR, rules=(rule("a", Effect.ONLY, "fr/large"),)), known=known)
    assert asked == []
    conditional = rule("a", Effect.ONLY, "fr/large", when="caller.team == 'research'")
    planned(about(US, FR, rules=(conditional, replace(conditional, name="b"))), known=known)
    assert asked == [1]


def test_a_condition_that_cannot_be_judged_refuses() -> None:
    with pytest.raises(ConditionFailed) as caught:
        planned(about(US, rules=(rule("odd", Effect.PREFER, "us/large", when="int(caller.team) > 1"),)))
    assert caught.value.rules == ("rule:odd",)


def test_nothing_is_looked_at_after_a_rule_that_stops() -> None:
    denying = rule("z", Effect.DENY)
    stopping = rule("a", Effect.PREFER, "fr/large", when="caller.team == 'research'", stops=True)
    assert planned(about(US, FR, rules=(stopping, denying))).candidates == (FR, US)
    passed_over = rule("a", Effect.PREFER, "fr/large", when="caller.team == 'sales'", stops=True)
    with pytest.raises(RouteDenied):
        planned(about(US, FR, rules=(passed_over, denying)))


def test_rules_are_about_models_by_pattern() -> None:
    assert planned(about(US, rules=(rule("others", Effect.DENY, models=("embed*",)),))).candidates == (US,)
    with pytest.raises(RouteDenied):
        planned(about(US, rules=(rule("these", Effect.DENY, models=("embed*", "assist*")),)))


def test_substitutes_serve_only_what_no_own_deployment_may() -> None:
    rules = about(US, DE, HOME, otherwise="local")
    assert planned(rules).candidates == (US, DE)
    assert planned(rules, "secret") == Route(
        (HOME,),
        ("class:secret", "otherwise:local"),
        (("us/large", "class:secret"), ("de/large", "class:secret")),
    )


def test_only_what_the_caller_may_use_is_planned() -> None:
    rules = about(US, DE, FR)
    route = plan(find_model("assistant", rules), (DE,), frozenset({SOVEREIGN}), facts, rules)
    assert route.candidates == (DE,)


def test_an_unknown_model() -> None:
    with pytest.raises(ModelUnknown) as caught:
        find_model("gpt-∞", about(US))
    assert "gpt" not in str(caught.value), "the caller's text is not repeated"


MESSAGES = Candidate("us-m/large", "us-m", "large", "US", "frontier", ENDPOINTS_OF[Dialect.ANTHROPIC])
EMBEDDING = Candidate("e/large", "e", "large", "US", "frontier", frozenset({Endpoint.EMBEDDINGS}))


def test_an_endpoint_uses_the_deployments_that_it_can_reach_be_it_translated() -> None:
    model = find_model("assistant", about(US, MESSAGES, EMBEDDING))
    assert serving(model, Endpoint.MESSAGES).deployments == (US, MESSAGES)
    assert serving(model, Endpoint.CHAT_COMPLETIONS).deployments == (US, MESSAGES)
    assert serving(model, Endpoint.EMBEDDINGS).deployments == (US, EMBEDDING)
    assert serving(model, Endpoint.EMBEDDINGS).output_tokens_max == model.output_tokens_max


def test_no_deployment_that_an_endpoint_can_reach_is_a_refusal() -> None:
    with pytest.raises(EndpointNotServed) as caught:
        serving(find_model("assistant", about(EMBEDDING)), Endpoint.CHAT_COMPLETIONS)
    assert caught.value.param == "model"
