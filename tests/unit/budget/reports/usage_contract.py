"""What every ledger must tell about its requests. A backend's test file subclasses it and gives `source`, after TRAFFIC."""

from __future__ import annotations

from gateway_ext.budget.reports.usage import Dimension, Figures, Group, UsageQuery, UsageSource
from gateway_ext.budget.rules import Payer
from gateway_ext.exchange import Usage
from tests.unit.budget.reports.traffic import ADA, EVE, HOUR
from tests.unit.budget.reservations import NOW, PRICES

HOUR_OF_TRAFFIC = UsageQuery(NOW, NOW + HOUR)


def nothing(_: int) -> None:
    pass


class UsageContract:
    def test_the_sums_of_a_period(self, source: UsageSource) -> None:
        assert source.groups(HOUR_OF_TRAFFIC, nothing) == {
            Group("EUR"): Figures(
                requests=5,
                free_requests=1,
                estimated_requests=3,
                open_requests=1,
                cost_nano=80 + 150 + 10 + 300 + 90 + 7,
                estimated_nano=150 + 300 + 90 + 7,
                recovered_nano=90 + 7,
                held_nano=80 + 9,
                input_tokens=117,
                output_tokens=28,
                cached_input_tokens=40,
                reasoning_tokens=2,
            )
        }

    def test_by_whatever_is_asked_for(self, source: UsageSource) -> None:
        by = (Dimension.TEAM, Dimension.PROVIDER, Dimension.COST_CENTER)
        found = source.groups(UsageQuery(NOW, NOW + HOUR, by), nothing)
        costs = {group.values: figures.cost_nano for group, figures in found.items() if figures.requests}
        assert costs == {
            ("engines", "eu", "4711"): 80,
            ("engines", "us", "4711"): 150,
            ("engines", "eu", "4712"): 310,
            ("", "", ""): 97,
        }

    def test_each_dimension_is_told(self, source: UsageSource) -> None:
        values = {
            each: {group.values[0] for group in source.groups(UsageQuery(NOW, NOW + 1, (each,)), nothing)}
            for each in Dimension
        }
        assert values == {
            Dimension.BUSINESS_UNIT: {"works", ""},
            Dimension.TEAM: {"engines", ""},
            Dimension.PROJECT: {"p1", "p2", ""},
            Dimension.APPLICATION: {"app", ""},
            Dimension.USER: {"ada@example.com", "bob@example.com", "eve@example.com"},
            Dimension.CREDENTIAL: {"c1", "c2", ""},
            Dimension.MODEL: {"large", "small"},
            Dimension.PROVIDER: {"eu", "us", ""},
            Dimension.DEPLOYMENT: {"eu/model", "us/model", ""},
            Dimension.ENVIRONMENT: {"prod", "test", ""},
            Dimension.COST_CENTER: {"4711", "4712", ""},
            Dimension.AGENT_RUN: {"run-1", ""},
        }

    def test_narrowed_to_any_value_of_each_dimension(self, source: UsageSource) -> None:
        where = ((Dimension.USER, (ADA.subject, EVE.subject)), (Dimension.PROVIDER, ("us",)))
        (figures,) = source.groups(UsageQuery(NOW, NOW + HOUR, (), where), nothing).values()
        assert (figures.requests, figures.cost_nano) == (1, 150)
        hostile = ((Dimension.TEAM, ("' OR 1=1 --",)),)
        assert source.groups(UsageQuery(NOW, NOW + HOUR, (), hostile), nothing) == {}

    def test_a_period_ends_before_its_end(self, source: UsageSource) -> None:
        (later,) = source.groups(UsageQuery(NOW + HOUR, NOW + HOUR + 1), nothing).values()
        assert (later.requests, later.cost_nano) == (1, 1)

    def test_each_charged_request_with_all_that_is_known_of_it(self, source: UsageSource) -> None:
        found = {each.hold_id: each for each in source.charged(HOUR_OF_TRAFFIC, nothing)}
        assert sorted(found) == ["a1", "a2", "b1", "b3", "e1", "lease-1"]
        plain, kinds, unknown, expired = found["a1"], found["b1"], found["b3"], found["e1"]
        assert (plain.payer, plain.model, plain.cluster, plain.currency) == (ADA, "large", "eu/model", "EUR")
        assert (plain.usage, plain.price, plain.cost_nano) == (Usage(100, 20, 40), PRICES["eu/model"], 80)
        assert plain.created_unix_nano == NOW
        assert kinds.usage == Usage(7, 3, reasoning_tokens=2, served_ns=5)
        assert (unknown.usage, unknown.cost_nano, unknown.flags) == (None, 300, ("usage_estimated",))
        assert (expired.state, expired.usage, expired.price, expired.cost_nano) == ("expired", None, None, 90)
        assert expired.payer == Payer("eve@example.com")
        assert "recovered" in expired.flags

    def test_charged_requests_are_narrowed_as_sums_are(self, source: UsageSource) -> None:
        where = ((Dimension.MODEL, ("small",)),)
        assert [each.hold_id for each in source.charged(UsageQuery(NOW, NOW + HOUR, (), where), nothing)] == ["a2"]

    def test_a_reader_may_stop_in_the_middle(self, source: UsageSource) -> None:
        requests = source.charged(HOUR_OF_TRAFFIC, nothing)
        next(requests)
        requests.close()  # type: ignore[attr-defined]  # an iterator that is a generator
        assert source.count() == 11

    def test_progress_comes_to_the_end(self, source: UsageSource) -> None:
        done: list[int] = []
        source.groups(UsageQuery(0, 2**62), done.append)
        assert sum(done) > 0
        assert sum(done) <= source.count()
