"""Routing only ever removes: nothing that a class or a rule has removed comes back, whatever stands around it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import reduce

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_ext.conditions.condition import Condition, compile_condition
from gateway_ext.conditions.facts import Facts, access_facts, routing_facts
from gateway_ext.conditions.vocabulary import ACCESS, ROUTING
from gateway_ext.errors import ConditionFailed, NoSovereignRoute, Refusal, RouteDenied
from gateway_ext.exchange import Candidate, CredentialClass, Endpoint, Estimate, Principal, Prompt
from gateway_ext.routing.data_classes import DataClass
from gateway_ext.routing.plan import Route, plan
from gateway_ext.routing.rules import Effect, RoutingRule, RoutingRules, SovereignRule, VirtualModel

CLUSTERS = tuple(f"p{number}/m" for number in range(5))
SETS = st.frozensets(st.sampled_from(CLUSTERS))
TEAMS = ("a", "b", "")
CONDITIONS: dict[str, Callable[[str], bool]] = {
    "caller.team == 'a'": lambda team: team == "a",
    "caller.team != 'a' && request.bytes > 3": lambda team: team != "a",
    "'personal' in data.classes": lambda team: False,
    "caller.team in ['a', 'b']": lambda team: team in {"a", "b"},
}
COMPILED = {source: compile_condition(source, ROUTING) for source in CONDITIONS}
PROMPT = Prompt(Endpoint.CHAT_COMPLETIONS, "m", {}, (), False, False, None, 1, 9)

candidates = st.lists(st.sampled_from(CLUSTERS), min_size=1, max_size=5, unique=True).flatmap(
    lambda clusters: st.tuples(
        *(
            st.builds(
                Candidate,
                st.just(each),
                st.just("p"),
                st.just("m"),
                st.just("FR"),
                st.just("t"),
                substitute_for=st.sampled_from(["", "m"]),
            )
            for each in clusters
        )
    )
)
rules = st.lists(
    st.builds(
        RoutingRule,
        name=st.sampled_from("xyz"),
        effect=st.sampled_from(Effect),
        clusters=SETS,
        when=st.sampled_from([None, None, *COMPILED.values()]),
        stops=st.booleans(),
    ),
    max_size=6,
)
classes = st.dictionaries(st.sampled_from(["personal?", "secret", "internal"]), SETS, max_size=3)


def caller(team: str) -> Principal:
    return Principal("ada", "person", "company", CredentialClass.SSO, "c", team=team)


def routed(
    deployments: tuple[Candidate, ...], ruled: list[RoutingRule], found: dict[str, frozenset[str]], team: str
) -> Route | Refusal:
    model = VirtualModel("m", deployments, 10, 100, otherwise="n")
    policy = RoutingRules(
        ("t",),
        SovereignRule(frozenset(), frozenset()),
        {"m": model},
        {},
        data_classes={name: DataClass(name, clusters) for name, clusters in found.items()},
        rules=tuple(ruled),
    )

    def facts() -> Facts:
        return routing_facts(caller(team), "m", PROMPT, 0, estimate=Estimate(1, 1))

    try:
        return plan(model, deployments, frozenset(found), facts, policy)
    except Refusal as refusal:
        return refusal


def looked_at(ruled: list[RoutingRule], team: str) -> list[RoutingRule]:
    """An oracle: the rules that apply, up to the first that stops."""
    applying = [each for each in ruled if each.when is None or CONDITIONS[each.when.source](team)]
    ends = next((place for place, each in enumerate(applying) if each.stops), len(applying))
    return applying[: ends + 1]


def left(clusters: frozenset[str], each: RoutingRule) -> frozenset[str]:
    match each.effect:
        case Effect.ONLY:
            return clusters & each.clusters
        case Effect.WITHOUT:
            return clusters - each.clusters
        case Effect.DENY:
            return frozenset()
    return clusters


@settings(max_examples=200)
@given(candidates, rules, classes, st.sampled_from(TEAMS))
def test_what_is_planned_is_what_every_class_and_rule_allows(
    deployments: tuple[Candidate, ...], ruled: list[RoutingRule], found: dict[str, frozenset[str]], team: str
) -> None:
    offered = frozenset(each.cluster for each in deployments)
    allowed = reduce(frozenset.__and__, found.values(), offered)
    ruled_in = reduce(left, looked_at(ruled, team), allowed)
    route = routed(deployments, ruled, found, team)
    if not allowed:
        assert isinstance(route, NoSovereignRoute)
    elif not ruled_in:
        assert isinstance(route, RouteDenied)
    else:
        assert isinstance(route, Route)
        own = {each for each in deployments if each.cluster in ruled_in and not each.substitute_for}
        expected = own or {each for each in deployments if each.cluster in ruled_in}
        assert set(route.candidates) == expected
        assert len(route.candidates) == len(expected)
        assert {cluster for cluster, _ in route.left_out} == offered - ruled_in


@settings(max_examples=100)
@given(candidates, rules, classes, st.sampled_from(TEAMS), SETS)
def test_one_more_class_never_adds_a_deployment(
    deployments: tuple[Candidate, ...],
    ruled: list[RoutingRule],
    found: dict[str, frozenset[str]],
    team: str,
    more: frozenset[str],
) -> None:
    fewer, route = (routed(deployments, ruled, each, team) for each in ({**found, "more": more}, found))
    if isinstance(fewer, Route):
        own = [each for each in fewer.candidates if not each.substitute_for]
        assert isinstance(route, Route)
        assert set(own) <= set(route.candidates)


texts = st.text(max_size=8) | st.sampled_from(["7", "x" * 300, "\ud800"])
SOURCES = [
    "int(caller.team) > 3",
    "caller.groups.exists(g, g == caller.team)",
    "caller.groups[1] == 'x'",
    "caller.team.matches('^(a+)+$') || timestamp(caller.team) < now",
    "size(caller.team) / size(caller.purpose) > 1",
    "request.model + caller.team == 'x'",
]
FALLIBLE: list[Condition] = [compile_condition(source, ACCESS) for source in SOURCES]


@settings(max_examples=150)
@given(texts, texts, st.frozensets(texts, max_size=4), st.integers(0, 2**62), st.sampled_from(FALLIBLE))
def test_a_condition_says_yes_or_no_or_fails_as_one(
    team: str, purpose: str, groups: frozenset[str], now_unix_nano: int, condition: Condition
) -> None:
    asking = Principal("ada", "person", "company", CredentialClass.SSO, "c", team=team, purpose=purpose, groups=groups)
    with suppress(ConditionFailed):
        assert condition.holds(access_facts(asking, "m", Endpoint.EMBEDDINGS, now_unix_nano)) in {True, False}
