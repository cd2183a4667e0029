from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_ext.budget.priorities import Priority, PriorityClass, PriorityRule, PriorityRules
from gateway_ext.budget.quota_levels import quota_levels
from gateway_ext.budget.quota_lines import quota_lines
from gateway_ext.budget.quotas import State
from gateway_ext.budget.rules import BudgetRules, QuotaRule, Scope
from gateway_ext.exchange import CredentialClass, Estimate, Principal
from gateway_ext.limits import NANO
from gateway_ext.quota import Unit

NOW = 1_800_000_000 * NANO
SHARES = PriorityRules((PriorityClass(Priority.BATCH, share_percent=50),), (PriorityRule(Priority.BATCH),))
SLOW = QuotaRule("slow", Scope.TEAM, "*", Unit.REQUESTS, 10, 60)
MONEY = QuotaRule("dear", Scope.USER, "*", Unit.MONEY, 6 * NANO, 3_600, per_model=True)
STREAMS = QuotaRule("streams", Scope.USER, "*", Unit.CONCURRENT, 4, 0)
RULES = BudgetRules("EUR", 900, (), {}, quotas=(SLOW, MONEY, STREAMS), priorities=SHARES)


@given(st.text(min_size=1), st.text(min_size=1), st.text(min_size=1))
@settings(max_examples=60)
def test_keys_that_requests_use_are_read_back(subject: str, team: str, model: str) -> None:
    principal = Principal(subject, "person", "company", CredentialClass.SSO, "", team=team)
    lines = quota_lines(RULES, principal, model, Estimate(1, 1), 5)
    found = quota_levels({line.key: State() for line in lines}, RULES, NOW)
    assert {(each.rule, each.value, each.model, each.priority, each.limit) for each in found} == {
        ("slow", team, "", "", 10),
        ("slow", team, "", "batch", 5),
        ("dear", subject, model, "", 6 * NANO),
        ("streams", subject, "", "", 4),
    }
    assert all(each.left == each.limit for each in found)


def test_what_is_missing_is_not_there() -> None:
    states = {
        "requests/60/slow/team/t": State(NOW + 18 * NANO),  # three of ten, six seconds each
        "EUR/3600/dear/user/ada/large": State(NOW - NANO, 600 * NANO),  # a sixth, held
        "concurrent/0/streams/user/ada": State(0, 3),
    }
    dear, slow, streams = sorted(quota_levels(states, RULES, NOW), key=lambda each: each.rule)
    assert (slow.left, slow.full_unix_seconds) == (7, NOW // NANO + 18)
    assert (dear.left, dear.currency, dear.unit) == (5 * NANO, "EUR", Unit.MONEY)
    assert (streams.left, streams.full_unix_seconds) == (1, None)


def test_buckets_that_no_rule_counts_any_more_are_not_told() -> None:
    states = dict.fromkeys(
        (
            "requests/60/gone/team/t",
            "requests/3600/slow/team/t",
            "tokens/60/slow/team/t",
            "requests/60/slow/user/t",
            "requests/60/slow/team/t/large",
            "requests/60/slow/team/t/large/batch",
            "USD/3600/dear/user/ada/large",
            "EUR/3600/dear/user/ada",
            "what",
        ),
        State(),
    )
    assert quota_levels(states, RULES, NOW) == []
    without_shares = replace(RULES, priorities=PriorityRules())
    assert quota_levels({"requests/60/slow/team/t/batch": State()}, without_shares, NOW) == []
