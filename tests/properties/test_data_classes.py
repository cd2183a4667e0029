"""Whatever is found, said and held: more of it means more classes, and more classes mean fewer places."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_ext.errors import NoSovereignRoute
from gateway_ext.exchange import Candidate, CredentialClass, Finding, Labels, Principal
from gateway_ext.policy.compile_data_classes import classification
from gateway_ext.policy.data_classes_schema import DataClasses
from gateway_ext.routing.catalog import CatalogEntry, LegalProfile
from gateway_ext.routing.data_classes import (
    SOVEREIGN,
    Classification,
    DataClass,
    classes_of,
    with_held,
    with_history_out_of_reach,
)
from gateway_ext.routing.plan import plan
from gateway_ext.routing.rules import RoutingRules, SovereignRule, VirtualModel

ADA = Principal("ada", "person", "company", CredentialClass.SSO, "c-1")
NAMES = ("a", "b", "c", "d", "e")
DETECTORS = {"iban": "personal", "jwt": "secret", "label_tlp": "confidential", "canary": "confidential"}
TIERS = ("frontier", "open-eu", "on-prem")
CLUSTERS = {f"{tier}/{number}": tier for tier in TIERS for number in (1, 2)}
CATALOG = {name: CatalogEntry(name, name, name, tier, "FR", LegalProfile()) for name, tier in CLUSTERS.items()}
CANDIDATES = tuple(Candidate(name, "p", "m", "FR", tier) for name, tier in CLUSTERS.items())
MODEL = VirtualModel("m", CANDIDATES, 10, 1000)


@st.composite
def written_classes(draw: st.DrawFn) -> dict[str, Any]:
    """Of each class those that come later in NAMES may be implied: no circles."""
    found: dict[str, Any] = {}
    for position, name in enumerate(NAMES):
        source = draw(st.lists(st.sampled_from(sorted(DETECTORS)), unique=True))
        allow = draw(st.lists(st.sampled_from(TIERS), unique=True, min_size=1) | st.none())
        implies = draw(st.lists(st.sampled_from(NAMES[position + 1 :]), unique=True)) if position < 4 else []
        found[name] = {
            **({"from": {"detectors": tuple(source)}} if source else {}),
            **({"allow": {"tiers": tuple(allow)}} if allow else {}),
            **({"implies": tuple(implies)} if implies else {}),
            "sticky": draw(st.booleans()),
        }
    return found


@st.composite
def classifications(draw: st.DrawFn) -> Classification:
    written = DataClasses.model_validate(
        {
            "classes": draw(written_classes()),
            "counts_redacted": draw(st.booleans()),
            **({"default": draw(st.sampled_from(NAMES))} if draw(st.booleans()) else {}),
        }
    )
    sovereign = DataClass(SOVEREIGN, frozenset(name for name, tier in CLUSTERS.items() if tier != "frontier"))
    return classification(written, sovereign, TIERS, CATALOG, DETECTORS)


findings = st.lists(
    st.builds(
        Finding,
        detector=st.sampled_from(sorted(DETECTORS)),
        detector_version=st.just("1"),
        data_class=st.just("x"),
        text_index=st.just(0),
        place=st.just("/x"),
        start=st.just(0),
        end=st.just(1),
        confidence=st.just(1.0),
        action=st.sampled_from(["log", "redact", "pseudonymize", "allowed"]),
        sovereign=st.booleans(),
        fingerprint=st.just("f"),
    ),
    max_size=4,
)
names = st.frozensets(st.sampled_from(NAMES))


def places(classes: frozenset[str], rules: Classification) -> set[str]:
    routing = RoutingRules(TIERS, SovereignRule(frozenset(), frozenset()), {"m": MODEL}, {}, data_classes=rules.classes)
    refuses: Callable[[], Any] = lambda: pytest.fail("no rule has a condition")  # noqa: E731
    try:
        return {each.cluster for each in plan(MODEL, CANDIDATES, classes, refuses, routing).candidates}
    except NoSovereignRoute:
        return set()


@settings(max_examples=50, deadline=None)
@given(classifications(), findings, findings, names, names, st.booleans(), names, names)
def test_more_of_anything_never_leads_to_more_places(
    rules: Classification,
    some: list[Finding],
    more: list[Finding],
    labels: frozenset[str],
    more_labels: frozenset[str],
    are_trusted: bool,
    held: frozenset[str],
    more_held: frozenset[str],
) -> None:
    less = with_held(classes_of(some, Labels(labels, are_trusted), ADA, rules), held, rules)
    # A label takes the place of the default only when it is trusted and the first one.
    added = labels | more_labels if labels or not are_trusted else labels
    most = with_held(classes_of([*more, *some], Labels(added, are_trusted), ADA, rules), held | more_held, rules)
    assert less.names <= most.names
    assert less.lasting <= {name for each in most.lasting for name in (each, *rules.classes[each].implies)}
    assert places(most.names, rules) <= places(less.names, rules)


@settings(max_examples=50, deadline=None)
@given(classifications(), findings, names, names)
def test_names_hold_all_that_they_imply_and_go_where_every_one_of_them_allows(
    rules: Classification, found: list[Finding], labels: frozenset[str], held: frozenset[str]
) -> None:
    classes = with_held(classes_of(found, Labels(labels), ADA, rules), held, rules)
    for name in classes.names:
        assert rules.classes[name].implies <= classes.names
        assert places(classes.names, rules) <= rules.classes[name].clusters
    assert labels | held <= classes.names
    assert {rules.default} - {""} <= classes.names
    assert classes.lasting <= rules.sticky


@settings(max_examples=50, deadline=None)
@given(classifications(), findings, names)
def test_when_nobody_can_tell_what_was_held_no_history_would_have_led_to_fewer_places(
    rules: Classification, found: list[Finding], held: frozenset[str]
) -> None:
    classes = classes_of(found, Labels(), ADA, rules)
    out_of_reach = with_history_out_of_reach(classes, rules)
    known = with_held(classes, held & rules.sticky, rules)
    assert known.names <= out_of_reach.names
    assert places(out_of_reach.names, rules) <= places(known.names, rules)


@settings(max_examples=50, deadline=None)
@given(classifications(), findings, names)
def test_what_lasts_is_enough_to_come_to_the_same_sticky_classes_again(
    rules: Classification, found: list[Finding], held: frozenset[str]
) -> None:
    first = with_held(classes_of(found, Labels(), ADA, rules), held & rules.sticky, rules)
    again = with_held(classes_of([], Labels(), ADA, rules), first.lasting, rules)
    default = {rules.default, *(rules.classes[rules.default].implies if rules.default else ())}
    assert (first.names & rules.sticky) - default <= again.names
    assert again.lasting == first.lasting
