"""Whatever a caller writes about its run: it narrows what may be spent, and reaches no account of anybody else."""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_ext.budget.reserve import lines
from gateway_ext.budget.rules import BudgetRule, BudgetRules, Scope
from gateway_ext.dialects.request_heads import agent_run
from gateway_ext.errors import AgentRunInvalid, AgentRunMissing, BudgetMissing
from gateway_ext.exchange import CredentialClass, Interface, Principal, RequestHead

NOW = 1_793_000_000_000_000_000
RUNS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,5}", fullmatch=True)
SUBJECTS = st.text(st.sampled_from("ab/%-:.@ ü"), min_size=1, max_size=6)
RULES = st.builds(
    BudgetRule,
    name=st.sampled_from(["a", "b", "c"]),
    scope=st.sampled_from([Scope.USER, Scope.TEAM, Scope.AGENT_RUN]),
    match=st.sampled_from(["*", "a*", "*/r*"]),
    limit_nano=st.just(1),
    is_hard=st.booleans(),
    is_required=st.booleans(),
)


def caller(subject: str) -> Principal:
    return Principal(subject, "person", "company", CredentialClass.SSO, "", team="team")


@given(st.lists(RULES, max_size=4), SUBJECTS, RUNS)
@settings(max_examples=150)
def test_a_run_adds_budgets_and_takes_none_away(rules: list[BudgetRule], subject: str, run: str) -> None:
    scopes = {rule.name: rule.scope for rule in rules}
    book = BudgetRules("EUR", 900, tuple(rule for rule in rules if scopes[rule.name] is rule.scope), {})
    try:
        narrowed = lines(book, caller(subject), "large", NOW, run)
    except BudgetMissing:
        with pytest.raises((AgentRunMissing, BudgetMissing)):  # nor may who names no run spend anything
            lines(book, caller(subject), "large", NOW)
        return
    kept = tuple(line for line in narrowed if scopes[line.rule] is not Scope.AGENT_RUN)
    assert any(line.is_hard for line in kept)
    with suppress(AgentRunMissing):
        assert lines(book, caller(subject), "large", NOW) == kept


@given(st.lists(st.tuples(SUBJECTS, RUNS), min_size=2, max_size=6, unique=True))
@settings(max_examples=150)
def test_no_two_callers_or_runs_share_an_account(who: list[tuple[str, str]]) -> None:
    every = BudgetRule("runs", Scope.AGENT_RUN, "*", 1), BudgetRule("users", Scope.USER, "*", 1)
    book = BudgetRules("EUR", 900, every, {})
    keys = {each: lines(book, caller(each[0]), "large", NOW, each[1])[0].key for each in who}
    for one, other in product(who, who):
        assert (keys[one] == keys[other]) is (one == other)


@given(st.text() | st.from_regex(r"[A-Za-z0-9._:,-]{1,130}", fullmatch=True))
@settings(max_examples=200)
def test_what_is_taken_for_an_id_is_one(text: str) -> None:
    head = RequestHead(Interface.PUBLIC, "POST", "/v1/chat/completions", "application/json", "", "", {}, agent_run=text)
    try:
        found = agent_run(head)
    except AgentRunInvalid:
        assert not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}", text)
    else:
        assert found == text
        assert found.isascii()
        assert not set(found) & set("/%, \"'<>\n")
