"""Access rules against a reading of them that is as plain as the reference in docs/policy.md, and slow."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway_ext.conditions.condition import compile_condition
from gateway_ext.conditions.vocabulary import ACCESS
from gateway_ext.errors import EndpointNotAllowed, ModelNotAllowed, PurposeNotAllowed, Refusal, TierNotAllowed
from gateway_ext.exchange import ENDPOINTS_OF, Candidate, CredentialClass, Endpoint, Principal
from gateway_ext.identity.access import AccessRule, AccessTable

MODELS = ("small", "small-eu", "large")
TIERS = ("frontier", "open-eu", "on-premises")
PATTERNS = ("*", "small*", "small", "large", "?arge", "[ls]*", "nothing")
ENDPOINTS = tuple(each for each in Endpoint if each is not Endpoint.MODELS)
NAMES = ("a", "b", "c")


def some(values: Any) -> st.SearchStrategy[frozenset[Any]]:
    return st.frozensets(st.sampled_from(values), max_size=2)


def rule(number: int) -> st.SearchStrategy[AccessRule]:
    return st.builds(
        AccessRule,
        name=st.just(f"rule-{number}"),
        models=st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=2).map(tuple),
        groups=some(NAMES),
        teams=some(NAMES),
        subjects=some(NAMES),
        credential_classes=some(list(CredentialClass)),
        environments=some(NAMES),
        applications=some(NAMES),
        projects=some(NAMES),
        purposes=some(NAMES),
        endpoints=some(ENDPOINTS),
        tiers=some(TIERS),
    )


WHEN = (None, compile_condition("request.endpoint != '/v1/embeddings' && now.getFullYear() == 1970", ACCESS))


def mostly_open(number: int) -> st.SearchStrategy[AccessRule]:
    """With so few conditions that they are often met."""
    return st.builds(
        AccessRule,
        name=st.just(f"open-{number}"),
        models=st.sampled_from([("*",), ("small*",)]),
        groups=some(NAMES),
        purposes=some(NAMES[:1]),
        endpoints=some(ENDPOINTS),
        tiers=some(TIERS),
        when=st.sampled_from(WHEN),
    )


rules = st.tuples(*(rule(n) | mostly_open(n) for n in range(5)))
word = st.sampled_from(("", *NAMES))
principals = st.builds(
    Principal,
    subject=st.sampled_from(NAMES),
    kind=st.just("person"),
    issuer=st.just("company"),
    credential_class=st.sampled_from(CredentialClass),
    credential_id=st.just("c"),
    team=word,
    project=word,
    application=word,
    environment=word,
    groups=some(NAMES),
    purpose=word,
    models=st.none() | st.lists(st.sampled_from(PATTERNS), max_size=2).map(tuple),
)
deployments = st.lists(
    st.builds(
        Candidate,
        cluster=st.just("c"),
        provider=st.just("p"),
        model=st.just("m"),
        jurisdiction=st.just("FR"),
        tier=st.sampled_from(TIERS),
        endpoints=st.sampled_from(list(ENDPOINTS_OF.values())),
    ),
    max_size=4,
).map(tuple)

CONDITIONS: tuple[tuple[str, Callable[[Principal], frozenset[str]]], ...] = (
    ("groups", lambda caller: caller.groups),
    ("teams", lambda caller: frozenset({caller.team})),
    ("subjects", lambda caller: frozenset({caller.subject})),
    ("credential_classes", lambda caller: frozenset({caller.credential_class})),
    ("environments", lambda caller: frozenset({caller.environment})),
    ("applications", lambda caller: frozenset({caller.application})),
    ("projects", lambda caller: frozenset({caller.project})),
    ("purposes", lambda caller: frozenset({caller.purpose})),
)


def matches(each: AccessRule, caller: Principal, model: str, endpoint: Endpoint) -> bool:
    """Whether all that is written holds: conditions, models, endpoints, and what the credential is narrowed to."""
    return (
        all(not getattr(each, name) or getattr(each, name) & values(caller) for name, values in CONDITIONS)
        and any(fnmatchcase(model, pattern) for pattern in each.models)
        and (caller.models is None or any(fnmatchcase(model, pattern) for pattern in caller.models))
        and (not each.endpoints or endpoint in each.endpoints)
        and (each.when is None or endpoint is not Endpoint.EMBEDDINGS)
    )


@given(rules, principals, st.sampled_from(MODELS), st.sampled_from(ENDPOINTS), deployments)
def test_granted_is_exactly_what_the_matching_rules_grant_together(
    rules: tuple[AccessRule, ...],
    caller: Principal,
    model: str,
    endpoint: Endpoint,
    deployments: tuple[Candidate, ...],
) -> None:
    matching = [each for each in rules if matches(each, caller, model, endpoint)]
    expected = tuple(
        deployment
        for deployment in deployments
        if any(not each.tiers or deployment.tier in each.tiers for each in matching)
    )
    table = AccessTable(rules)
    try:
        grant = table.grant(caller, model, endpoint, 0)
        assert grant.rules == tuple(each.name for each in matching)
        granted = grant.within(deployments)
    except TierNotAllowed:
        assert matching
        assert expected == ()
    except (ModelNotAllowed, EndpointNotAllowed, PurposeNotAllowed):
        assert not matching
    else:
        assert matching
        assert granted == expected


@given(rules, principals, st.sampled_from(MODELS), deployments)
def test_listed_is_exactly_what_some_endpoint_would_get(
    rules: tuple[AccessRule, ...], caller: Principal, model: str, deployments: tuple[Candidate, ...]
) -> None:
    table = AccessTable(rules)
    expected = set()
    for endpoint in ENDPOINTS:
        for index, deployment in enumerate(deployments):
            if deployment.wire(endpoint):
                try:
                    table.grant(caller, model, endpoint, 0).within((deployment,))
                    expected.add(index)
                except Refusal:
                    pass
    assert table.usable(caller, model, deployments, 0) == tuple(deployments[index] for index in sorted(expected))


@given(rules, principals, st.sampled_from(MODELS), st.sampled_from(ENDPOINTS), st.integers(0, 4), deployments)
def test_a_rule_less_never_grants_more(
    rules: tuple[AccessRule, ...],
    caller: Principal,
    model: str,
    endpoint: Endpoint,
    left_out: int,
    deployments: tuple[Candidate, ...],
) -> None:
    def granted(table: AccessTable) -> set[Candidate]:
        try:
            return set(table.grant(caller, model, endpoint, 0).within(deployments))
        except Refusal:
            return set()

    fewer = rules[:left_out] + rules[left_out + 1 :]
    assert granted(AccessTable(fewer)) <= granted(AccessTable(rules))
