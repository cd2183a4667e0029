from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway_ext.exchange import Candidate, Endpoint, Estimate, Prompt, Usage
from gateway_ext.routing import strategies
from gateway_ext.routing.measured import Health, Reading
from gateway_ext.routing.strategies import PROBED_SHARE, Asked, By, Difficulty, Measure, StickyBy, Strategy, order

SECOND_NS = 1_000_000_000
A, B, C = (Candidate(f"{name}/m", name, "m", "FR", "open-eu") for name in "abc")
PROMPT = Prompt(Endpoint.CHAT_COMPLETIONS, "m", {"messages": []}, (), False, False, None, 1, body_bytes=3_000)
ASKED = Asked("exchange", "issuer/ann", PROMPT, Estimate(3_000, 1_000))
UNKNOWN = Reading()


def unmeasured(cluster: str) -> Reading:
    return UNKNOWN


def free(cluster: str, usage: Usage) -> int:
    return 0


def clusters(
    strategy: Strategy,
    candidates: tuple[Candidate, ...] = (A, B, C),
    asked: Asked = ASKED,
    measured: Callable[[str], Reading] = unmeasured,
    cost_nano: Callable[[str, Usage], int] = free,
) -> str:
    ordered, _ = order(strategy, candidates, asked, measured, cost_nano)
    assert sorted(each.cluster for each in ordered) == sorted(each.cluster for each in candidates)
    return "".join(each.provider for each in ordered)


def reason(strategy: Strategy, measured: Callable[[str], Reading] = unmeasured, asked: Asked = ASKED) -> str:
    return order(strategy, (A, B, C), asked, measured, free)[1]


def callers(count: int) -> list[Asked]:
    return [replace(ASKED, caller=f"issuer/{number}", exchange_id=f"exchange-{number}") for number in range(count)]


def test_priority_is_as_written() -> None:
    assert clusters(Strategy(), (C, A, B)) == "cab"
    assert reason(Strategy()) == ""


@pytest.mark.parametrize("by", By)
def test_of_one_deployment_there_is_one_order(by: By) -> None:
    assert order(Strategy(by), (A,), ASKED, unmeasured, free) == ((A,), "")
    assert order(Strategy(by), (), ASKED, unmeasured, free) == ((), "")


# --- weighted -------------------------------------------------------------------------------------------------------

WEIGHTED = Strategy(By.WEIGHTED, salt="assistant")


def weighted(*weights: int) -> tuple[Candidate, ...]:
    return tuple(replace(each, weight=weight) for each, weight in zip((A, B, C), weights, strict=False))


def test_shares_are_those_of_the_weights() -> None:
    firsts = Counter(clusters(WEIGHTED, weighted(70, 20, 10), asked)[0] for asked in callers(10_000))
    assert firsts["a"] == pytest.approx(7_000, abs=200)
    assert firsts["b"] == pytest.approx(2_000, abs=200)
    assert firsts["c"] == pytest.approx(1_000, abs=200)


def test_the_rest_follow_as_written() -> None:
    orders = {clusters(WEIGHTED, weighted(1, 1, 1), asked) for asked in callers(100)}
    assert orders == {"abc", "bac", "cab"}
    assert reason(WEIGHTED) == "strategy:weighted"


def test_weight_0_is_for_fallbacks_only() -> None:
    assert {clusters(WEIGHTED, weighted(0, 1, 1), asked)[0] for asked in callers(200)} == {"b", "c"}
    assert clusters(WEIGHTED, weighted(0, 0, 0)) == "abc", "where nothing else is left"


@pytest.mark.parametrize("sticky_by", [StickyBy.CALLER, StickyBy.CONVERSATION])
def test_a_caller_keeps_its_deployment(sticky_by: StickyBy) -> None:
    strategy = replace(WEIGHTED, sticky_by=sticky_by)
    for asked in callers(50):
        again = replace(asked, exchange_id="another", prompt=replace(PROMPT, body_bytes=9))
        assert clusters(strategy, weighted(1, 1), asked) == clusters(strategy, weighted(1, 1), again)


def test_conversations_of_a_caller_are_split_where_policy_says_so() -> None:
    by_conversation = replace(WEIGHTED, sticky_by=StickyBy.CONVERSATION)
    conversations = [replace(ASKED, conversation=bytes([number])) for number in range(100)]
    assert {clusters(by_conversation, weighted(1, 1), asked)[0] for asked in conversations} == {"a", "b"}
    assert len({clusters(WEIGHTED, weighted(1, 1), asked)[0] for asked in conversations}) == 1


def test_each_request_on_its_own() -> None:
    strategy = replace(WEIGHTED, sticky_by=StickyBy.NONE)
    requests = [replace(ASKED, exchange_id=f"{number}") for number in range(100)]
    assert {clusters(strategy, weighted(1, 1), asked)[0] for asked in requests} == {"a", "b"}


def test_models_are_split_apart() -> None:
    other = replace(WEIGHTED, salt="another model")
    differ = sum(
        clusters(WEIGHTED, weighted(1, 1), each) != clusters(other, weighted(1, 1), each) for each in callers(400)
    )
    assert differ == pytest.approx(200, abs=50)


# --- cheapest -------------------------------------------------------------------------------------------------------

CHEAPEST = Strategy(By.CHEAPEST)


def rates(**by_cluster: tuple[int, int]) -> Callable[[str, Usage], int]:
    def cost_nano(cluster: str, usage: Usage) -> int:
        input_rate, output_rate = by_cluster[cluster[0]]
        return usage.input_tokens * input_rate + usage.output_tokens * output_rate

    return cost_nano


def test_the_cheapest_first_and_equals_as_written() -> None:
    assert clusters(CHEAPEST, cost_nano=rates(a=(3, 3), b=(1, 1), c=(2, 2))) == "bca"
    assert clusters(CHEAPEST, cost_nano=rates(a=(1, 1), b=(1, 1), c=(1, 1))) == "abc"
    assert reason(CHEAPEST) == "strategy:cheapest"


def test_what_it_costs_rests_on_this_request() -> None:
    cost_nano = rates(a=(1, 50), b=(10, 5))
    question = replace(ASKED, estimate=Estimate(90, 1_000), prompt=replace(PROMPT, body_bytes=90))
    document = replace(ASKED, estimate=Estimate(90_000, 1_000), prompt=replace(PROMPT, body_bytes=90_000))
    assert clusters(CHEAPEST, (A, B), question, cost_nano=cost_nano) == "ba"
    assert clusters(CHEAPEST, (A, B), document, cost_nano=cost_nano) == "ab"


def test_the_usual_length_of_answers_counts_not_their_bound() -> None:
    cost_nano = rates(a=(1, 50), b=(40, 5))
    assert clusters(CHEAPEST, (A, B), cost_nano=cost_nano) == "ba"
    short = {"a/m": Reading(output_tokens=40.0), "b/m": Reading()}
    assert clusters(CHEAPEST, (A, B), measured=short.__getitem__, cost_nano=cost_nano) == "ab"


def test_an_answer_is_never_taken_for_longer_than_it_may_be() -> None:
    seen: list[Usage] = []

    def cost_nano(cluster: str, usage: Usage) -> int:
        seen.append(usage)
        return 0

    order(CHEAPEST, (A, B), ASKED, lambda _: Reading(output_tokens=1e6, duration_ns=7.4), cost_nano)
    assert seen == [Usage(1_000, 1_000, served_ns=7)] * 2


# --- fastest --------------------------------------------------------------------------------------------------------

FASTEST = Strategy(By.FASTEST, explored_share=0.0)


def seconds(**times: float | None) -> Callable[[str], Reading]:
    def measured(cluster: str) -> Reading:
        time = times[cluster[0]]
        return UNKNOWN if time is None else Reading(first_byte_ns=time * SECOND_NS, duration_ns=SECOND_NS / (1 + time))

    return measured


def test_the_fastest_first() -> None:
    assert clusters(FASTEST, measured=seconds(a=3, b=1, c=2)) == "bca"
    assert clusters(FASTEST, measured=seconds(a=1, b=1, c=1)) == "abc"
    assert reason(FASTEST) == "strategy:fastest"


def test_by_whole_answers_where_policy_says_so() -> None:
    assert clusters(replace(FASTEST, measure=Measure.WHOLE), measured=seconds(a=3, b=1, c=2)) == "acb"


def test_what_is_not_measured_keeps_its_place() -> None:
    assert clusters(FASTEST, measured=seconds(a=None, b=None, c=None)) == "abc"
    assert clusters(FASTEST, measured=seconds(a=None, b=2, c=1)) == "acb"
    assert clusters(FASTEST, measured=seconds(a=2, b=None, c=1)) == "cba"


def test_a_share_of_the_requests_measures_the_others() -> None:
    strategy = replace(FASTEST, explored_share=0.2)
    firsts = Counter(clusters(strategy, asked=asked, measured=seconds(a=3, b=1, c=2))[0] for asked in callers(5_000))
    assert firsts["b"] == pytest.approx(4_000, abs=150)
    assert firsts["a"] == pytest.approx(500, abs=100)
    assert firsts["c"] == pytest.approx(500, abs=100)
    reasons = {reason(strategy, asked=asked) for asked in callers(100)}
    assert reasons == {"strategy:fastest", "strategy:fastest+explored"}


# --- complexity -----------------------------------------------------------------------------------------------------


def test_by_complexity(monkeypatch: pytest.MonkeyPatch) -> None:
    suits = {"a/m": Difficulty.SIMPLE, "c/m": Difficulty.COMPLEX}
    strategy = Strategy(By.COMPLEXITY, complex_from=0.6, suits=suits)
    for score, expected, kind in ((0.59, "abc", "simple"), (0.6, "bca", "complex")):
        monkeypatch.setattr(strategies, "score", lambda prompt, score=score: score)
        assert clusters(strategy) == expected
        assert reason(strategy) == f"strategy:complexity:{kind}"


# --- health ---------------------------------------------------------------------------------------------------------


def health(**states: Health) -> Callable[[str], Reading]:
    return lambda cluster: Reading(health=states.get(cluster[0], Health.WELL))


@pytest.mark.parametrize("by", By)
def test_what_fails_comes_last_whatever_the_strategy(by: By) -> None:
    strategy = Strategy(by, explored_share=0.0)
    first = clusters(strategy)[0]
    ordered = clusters(strategy, measured=health(**{first: Health.FAILING}))
    assert ordered[-1] == first
    assert reason(strategy, health(**{first: Health.FAILING})).endswith("+health")


def test_nothing_is_ever_left_out() -> None:
    all_fail = health(a=Health.FAILING, b=Health.FAILING, c=Health.FAILING)
    assert clusters(Strategy(), measured=all_fail) == "abc"
    assert reason(Strategy(), all_fail) == ""


def test_on_probation_a_few_requests_try_it_again() -> None:
    on_probation = health(a=Health.ON_PROBATION)
    firsts = Counter(clusters(Strategy(), asked=asked, measured=on_probation)[0] for asked in callers(5_000))
    assert firsts["a"] == pytest.approx(5_000 * PROBED_SHARE, abs=100)
    assert reason(Strategy(), health(b=Health.FAILING)) == "strategy:priority+health"
