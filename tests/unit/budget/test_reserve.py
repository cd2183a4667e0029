from __future__ import annotations

from dataclasses import replace

import pytest

from gateway_ext.budget.prices import DatedPrice, Price, always
from gateway_ext.budget.reserve import AccountKey, estimate, lines, reservation, worst_case
from gateway_ext.budget.rules import AccountLine, BudgetRule, BudgetRules, Payer, Scope
from gateway_ext.budget.windows import Calendar, Window
from gateway_ext.errors import AgentRunMissing, BudgetMissing, CredentialBudgetUnusable, InternalFailure
from gateway_ext.exchange import (
    Attachment,
    Candidate,
    Carriage,
    CredentialBudget,
    CredentialClass,
    Endpoint,
    Estimate,
    Principal,
    Prompt,
)

NOW = 1_793_000_000_000_000_000  # 2026-10-26T07:33:20Z
ADA = Principal("ada@example.com", "person", "company", CredentialClass.PERSONAL, "c1", team="engines")
CHEAP = Price(input_rate=1_000_000, output_rate=2_000_000, cached_input_rate=500_000)
DEAR = Price(input_rate=3_000_000, output_rate=1_000_000, cached_input_rate=500_000, per_request_nano=5)
MONTH = Window(Calendar.MONTH, "Europe/Berlin")
RULES = BudgetRules(
    currency="EUR",
    hold_ttl_seconds=900,
    budgets=(
        BudgetRule("people", Scope.USER, "*@example.com", 20, MONTH),
        BudgetRule("robots", Scope.USER, "robot-*", 30, MONTH),
        BudgetRule("teams", Scope.TEAM, "*", 100, MONTH),
    ),
    prices={"eu/cheap": always(CHEAP), "eu/dear": always(DEAR)},
    timezone="Europe/Berlin",
)
PROMPT = Prompt(
    endpoint=Endpoint.CHAT_COMPLETIONS,
    model="large",
    document={},
    texts=(),
    is_stream=False,
    asked_for_usage=False,
    output_tokens_asked=None,
    choices=1,
    body_bytes=400,
)


def candidate(cluster: str) -> Candidate:
    return Candidate(cluster, "eu", "large", "EU", "sovereign")


def test_all_rules_that_match_apply_in_their_order() -> None:
    seconds = 5 * 86_400 + 15 * 3_600 + 26 * 60 + 40  # until 2026-10-31T23:00Z
    assert lines(RULES, ADA, "large", NOW) == (
        AccountLine(
            "EUR/2026-10/people/user/ada%40example.com", "people", 20, seconds, "EUR/people/user/ada%40example.com"
        ),
        AccountLine("EUR/2026-10/teams/team/engines", "teams", 100, seconds, "EUR/teams/team/engines"),
    )


def test_who_has_no_team_matches_no_team_rule() -> None:
    assert [line.rule for line in lines(RULES, replace(ADA, team=""), "large", NOW)] == ["people"]


def test_patterns_mind_the_case() -> None:
    assert [line.rule for line in lines(RULES, replace(ADA, subject="ADA@EXAMPLE.COM"), "large", NOW)] == ["teams"]


def test_who_matches_no_rule_may_spend_nothing() -> None:
    with pytest.raises(BudgetMissing):
        lines(RULES, replace(ADA, subject="eve@elsewhere.org", team=""), "large", NOW)


SOMEBODY = Principal(
    "ada", "person", "company", CredentialClass.PERSONAL, "c1", team="engines", project="p1", application="chat"
)


@pytest.mark.parametrize(
    ("scope", "value"),
    [
        (Scope.ORGANISATION, "acme"),
        (Scope.BUSINESS_UNIT, "retail"),
        (Scope.TEAM, "engines"),
        (Scope.PROJECT, "p1"),
        (Scope.APPLICATION, "chat"),
        (Scope.USER, "ada"),
        (Scope.CREDENTIAL, "c1"),
    ],
)
def test_each_level_of_the_house_has_accounts(scope: Scope, value: str) -> None:
    rules = replace(
        RULES,
        budgets=(BudgetRule("b", scope, "*", 1, MONTH),),
        organisation="acme",
        business_units={"engines": "retail"},
    )
    (line,) = lines(rules, SOMEBODY, "large", NOW)
    assert line.key == f"EUR/2026-10/b/{scope}/{value}"
    nobody = replace(SOMEBODY, subject="", team="", project="", application="", credential_id="")
    if scope is not Scope.ORGANISATION:
        with pytest.raises(BudgetMissing):
            lines(rules, nobody, "large", NOW)


RUN = BudgetRule("runs", Scope.AGENT_RUN, "*", 5, Window(Calendar.TOTAL))


def test_a_run_has_an_account_of_its_own_for_each_who_names_it() -> None:
    rules = replace(RULES, budgets=(*RULES.budgets, RUN))
    *others, line = lines(rules, ADA, "large", NOW, "run-1")
    assert tuple(others) == lines(rules, ADA, "large", NOW) == lines(RULES, ADA, "large", NOW)
    assert AccountKey.parse(line.key) == AccountKey("EUR", "total", "runs", "agent_run", "ada@example.com/run-1")
    *_, elsewhere = lines(rules, replace(ADA, subject="bob@example.com"), "large", NOW, "run-1")
    assert elsewhere.key != line.key


def test_a_run_alone_allows_nothing() -> None:
    """Who could spend by naming a run could spend again by naming another."""
    with pytest.raises(BudgetMissing):
        lines(replace(RULES, budgets=(RUN,)), ADA, "large", NOW, "run-1")


@pytest.mark.parametrize(("match", "models"), [("*", ()), ("ada@*", ("large",)), ("*/*", ())])
def test_a_run_may_be_required_of_whom_it_is_for(match: str, models: tuple[str, ...]) -> None:
    required = replace(RUN, match=match, models=models, is_required=True)
    rules = replace(RULES, budgets=(*RULES.budgets, required))
    with pytest.raises(AgentRunMissing):
        lines(rules, ADA, "large", NOW)
    assert len(lines(rules, ADA, "large", NOW, "run-1")) == 3


@pytest.mark.parametrize(("match", "models"), [("bot-*", ()), ("*", ("small",)), ("*/run-2", ())])
def test_of_nobody_else(match: str, models: tuple[str, ...]) -> None:
    required = replace(RUN, match=match, models=models, is_required=True)
    rules = replace(RULES, budgets=(*RULES.budgets, required))
    assert lines(rules, ADA, "large", NOW) == lines(RULES, ADA, "large", NOW)


def test_reports_can_tell_runs_apart() -> None:
    asked = reservation("x1", ADA, "large", Estimate(1, 1), [candidate("eu/cheap")], RULES, NOW, "run-1")
    assert asked.payer.agent_run == "run-1"


def test_a_budget_may_be_for_some_models_and_count_each_apart() -> None:
    rule = BudgetRule("large-ones", Scope.USER, "*", 1, MONTH, models=("large*",), per_model=True)
    rules = replace(RULES, budgets=(rule,))
    (line,) = lines(rules, ADA, "large-2", NOW)
    assert AccountKey.parse(line.key).model == "large-2"
    with pytest.raises(BudgetMissing):
        lines(rules, ADA, "small", NOW)


def test_a_soft_budget_alone_allows_nothing() -> None:
    soft = BudgetRule("soft", Scope.USER, "*", 1, MONTH, is_hard=False)
    with pytest.raises(BudgetMissing):
        lines(replace(RULES, budgets=(soft,)), ADA, "large", NOW)
    assert [line.is_hard for line in lines(replace(RULES, budgets=(soft, *RULES.budgets)), ADA, "large", NOW)] == [
        False,
        True,
        True,
    ]


def test_a_line_knows_the_period_before_when_something_carries_over() -> None:
    carrying = replace(RULES.budgets[0], carries_max_nano=5)
    (line, _) = lines(replace(RULES, budgets=(carrying, RULES.budgets[2])), ADA, "large", NOW)
    assert (line.before, line.carries_max_nano) == ("EUR/2026-09/people/user/ada%40example.com", 5)


def test_a_rolling_line_names_the_buckets_that_count() -> None:
    rolling = replace(RULES.budgets[0], window=Window(Calendar.ROLLING, length_seconds=3_600))
    (line,) = lines(replace(RULES, budgets=(rolling,)), ADA, "large", NOW)
    assert len(line.others) == 48
    assert line.key not in line.others
    assert {AccountKey.parse(key).value for key in line.others} == {ADA.subject}


def test_a_credentials_own_budget_comes_on_top_of_policys() -> None:
    carrying = replace(ADA, credential_id="c2", budget=CredentialBudget("c1", "EUR", 7))
    of_policy = lines(RULES, ADA, "large", NOW)
    *others, own = lines(RULES, carrying, "large", NOW)
    assert tuple(others) == of_policy
    resets = of_policy[0].resets_in_seconds
    assert own == AccountLine(
        "EUR/2026-10/credential/credential/c1", "credential", 7, resets, "EUR/credential/credential/c1"
    )
    assert (own.title, of_policy[0].title) == ("This credential's own budget", "The budget 'people'")


def test_a_credentials_own_budget_is_no_budget_of_policy() -> None:
    eve = replace(ADA, subject="eve@elsewhere.org", team="", budget=CredentialBudget("c1", "EUR", 10**18))
    with pytest.raises(BudgetMissing):
        lines(RULES, eve, "large", NOW)


@pytest.mark.parametrize("budget", [CredentialBudget("c1", "CHF", 7), CredentialBudget("c1", "EUR", 7, "decade")])
def test_what_cannot_be_counted_is_not_spent(budget: CredentialBudget) -> None:
    with pytest.raises(CredentialBudgetUnusable):
        lines(RULES, replace(ADA, budget=budget), "large", NOW)


@pytest.mark.parametrize("value", ["a/b", "a%2Fb", "", " ", "ü@exämple.com", "\ud800", "a\x00b", "..", "user/team"])
def test_account_keys_can_be_read_back(value: str) -> None:
    for key in (
        AccountKey("EUR", "2026-10", value, "user", value),
        AccountKey("EUR", "2026-10", value, "user", value, value),
    ):
        assert AccountKey.parse(str(key)) == key
        assert str(key).isascii()


@pytest.mark.parametrize("text", ["", "a/b/c/d", "a/b/c/d/e/f/g"])
def test_other_texts_are_no_account_keys(text: str) -> None:
    with pytest.raises(ValueError):
        AccountKey.parse(text)


def test_a_change_of_currency_opens_other_accounts() -> None:
    keys = {line.key for line in lines(RULES, ADA, "large", NOW)}
    assert keys.isdisjoint(line.key for line in lines(replace(RULES, currency="CHF"), ADA, "large", NOW))


@pytest.mark.parametrize(
    ("asked", "choices", "output_tokens"),
    [(None, 1, 1_000), (None, 3, 3_000), (50, 1, 50), (150, 3, 150), (5_000, 1, 5_000), (0, 2, 2_000), (-1, 1, 1_000)],
)
def test_the_output_is_what_was_asked_or_the_maximum_for_each_choice(
    asked: int | None, choices: int, output_tokens: int
) -> None:
    prompt = replace(PROMPT, output_tokens_asked=asked, choices=choices)
    assert estimate(prompt, output_tokens_max=1_000) == Estimate(input_tokens=400, output_tokens=output_tokens)


def test_embeddings_have_no_output() -> None:
    prompt = replace(PROMPT, endpoint=Endpoint.EMBEDDINGS, choices=8)
    assert estimate(prompt, output_tokens_max=1_000) == Estimate(input_tokens=400, output_tokens=0)


@pytest.mark.parametrize(("tokens", "cost"), [(Estimate(1_000, 10), 3_015), (Estimate(10, 1_000), 2_010)])
def test_the_worst_case_is_the_dearest_candidate_for_this_request(tokens: Estimate, cost: int) -> None:
    assert worst_case(tokens, {"eu/cheap": CHEAP, "eu/dear": DEAR}) == cost


@pytest.mark.parametrize("candidates", [[], [candidate("eu/cheap"), candidate("eu/unpriced")]])
def test_nothing_is_reserved_without_a_price(candidates: list[Candidate]) -> None:
    with pytest.raises(InternalFailure):
        reservation("x1", ADA, "large", Estimate(1, 1), candidates, RULES, NOW)


def test_the_price_is_that_of_the_moment_of_the_reservation() -> None:
    schedule = (DatedPrice(NOW, CHEAP), DatedPrice(NOW + 10, DEAR))
    rules = replace(RULES, prices={"eu/cheap": schedule})

    def pinned(now_unix_nano: int) -> Price:
        asked = reservation("x1", ADA, "large", Estimate(1, 1), [candidate("eu/cheap")], rules, now_unix_nano)
        return asked.prices["eu/cheap"]

    assert [pinned(NOW), pinned(NOW + 9), pinned(NOW + 10)] == [CHEAP, CHEAP, DEAR]
    with pytest.raises(InternalFailure):
        pinned(NOW - 1)


def test_a_reservation_pins_the_prices_of_its_candidates() -> None:
    asked = reservation("x1", ADA, "large", Estimate(1_000, 10), [candidate("eu/cheap")], RULES, NOW)
    assert asked.prices == {"eu/cheap": CHEAP}
    assert asked.amount_nano == 1_020
    assert asked.lines == lines(RULES, ADA, "large", NOW)
    assert asked.expires_unix_nano - asked.created_unix_nano == 900_000_000_000
    assert (asked.id, asked.payer, asked.model) == (
        "x1",
        Payer("ada@example.com", "engines", credential_id="c1"),
        "large",
    )


def test_attachments_count_beyond_their_bytes() -> None:
    attached = [
        Attachment(("a",), "/a", "user", Carriage.REMOTE, "https://example.org", extra_tokens=tokens)
        for tokens in (7, 9)
    ]
    assert estimate(replace(PROMPT, attachments=tuple(attached)), 10) == Estimate(416, 10)
