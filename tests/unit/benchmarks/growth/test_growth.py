"""Exponents, the verdict on them, and what is drawn of them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.contestants import parts
from benchmarks.growth import audit_events, budgets, people, processor, rules, users
from benchmarks.growth.chart import chart
from benchmarks.growth.cpu import taking_turns
from benchmarks.growth.growth import Growth, amount, table
from gateway_ext.budget.status import read_accounts
from gateway_ext.credentials.sqlite_store import SqliteCredentials
from gateway_ext.exchange import CredentialClass
from gateway_ext.policy.loader import load_policy
from gateway_ext.subjects.sqlite_store import SubjectsStore

SIZES = (1, 10, 100, 1_000, 10_000)


def growth(exponent: float, sizes: tuple[int, ...] = SIZES, constant: float = 0.0, why: str = "") -> Growth:
    values = tuple(constant + 0.5 * size**exponent for size in sizes)
    return Growth("prompt size", f"to the {exponent}", "bytes", "ms", sizes, values, why)


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 1.5, 2.0])
def test_the_exponent_of_a_power_law(exponent: float) -> None:
    of = growth(exponent)
    assert of.law.slope == pytest.approx(exponent)
    assert of.is_worse_than_linear == (exponent > 1)


def test_it_is_that_of_the_upper_decades() -> None:
    assert growth(2.0, constant=100.0).upper[0] == (100, 1_000, 10_000)
    assert growth(2.0, constant=100.0).law.slope == pytest.approx(2, abs=0.01)


def test_three_points_are_taken_where_two_decades_have_fewer() -> None:
    assert growth(1.0, (1, 1_000, 1_000_000)).upper[0] == (1, 1_000, 1_000_000)
    assert growth(1.0, (1, 1_000)).upper[0] == (1, 1_000)


def test_what_is_not_certain_is_not_said_to_be_worse() -> None:
    noisy = Growth("users", "x", "people", "ms", (1, 10, 100), (1.0, 40.0, 130.0))
    assert noisy.law.slope > 1.05
    assert not noisy.is_worse_than_linear


def test_the_table_names_and_explains_what_is_worse() -> None:
    lines = table([growth(1.0), growth(2.0, why="(bounded by a deadline)")]).splitlines()
    assert len(lines) == 4
    assert "worse" not in lines[2]
    assert "0.5 ms at 1 bytes | 5,000 ms at 10,000 bytes | 1.00 ± 0.00" in lines[2]
    assert "**worse than linear** (bounded by a deadline)" in lines[3]


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0.00123456, "0.00123"), (1.23456, "1.23"), (12.3456, "12.3"), (123.456, "123"), (1234567.8, "1,234,568")],
)
def test_amounts_have_three_digits_that_say_something(number: float, shown: str) -> None:
    assert amount(number) == shown


def test_a_panel_for_each_dimension_and_unit() -> None:
    memory = Growth("users", "memory <of> it", "people", "MiB", (10, 100), (90.0, 91.0))
    tree = ElementTree.fromstring(chart([growth(1.0), growth(2.0), memory]))
    svg = "{http://www.w3.org/2000/svg}"
    panels = tree.findall(f"{svg}g")
    assert [len(panel.findall(f"{svg}polyline")) for panel in panels] == [2, 1]
    for line in tree.iter(f"{svg}polyline"):
        for point in line.attrib["points"].split():
            x, y = map(float, point.split(","))
            assert 64 <= x <= 310.1
            assert 44 <= y <= 296.1
    assert "memory <of> it" in "".join(tree.itertext())


async def test_sizes_take_turns_and_the_median_counts() -> None:
    asked: list[int] = []

    async def cost(size: int) -> float:
        asked.append(size)
        return size * [1.0, 5.0, 2.0][(len(asked) - 1) // 2]

    assert await taking_turns((1, 10), cost, turns=3) == (2.0, 20.0)
    assert asked == [1, 10] * 3


async def test_the_audit_trail_is_measured(tmp_path: Path) -> None:
    found = await audit_events.measure(tmp_path, (40, 400), turns=1)
    assert [each.sizes for each in found] == [(40, 400)] * 7
    assert all(value > 0 for each in found for value in each.values)


async def test_a_processor_is_measured_with_several_budgets(tmp_path: Path) -> None:
    settings = processor.new_state(tmp_path, "x", partial(rules.write, budgets.budgets(3)))
    async with processor.running(settings) as pipeline:
        await processor.request(pipeline, rules.BODY)
        await processor.request(pipeline, rules.BODY, sub="b@example.com")
        with pytest.raises(processor.RequestRefused, match="model_not_allowed"):
            await processor.request(pipeline, rules.BODY, groups=[])
    accounts = read_accounts(settings.layout.ledger)
    assert len(accounts) == 2 * 3
    assert all(account.posted_nano > 0 and account.held_nano == 0 for account in accounts)


@pytest.mark.parametrize("kind", rules.KINDS)
def test_the_policies_with_many_rules_are_policies(tmp_path: Path, kind: str) -> None:
    policies = parts.shipped_policies(tmp_path / "policies", upstream=processor.NOBODY)
    before = load_policy(policies)
    rules.write(rules.KINDS[kind](3), policies)
    assert load_policy(policies).digest != before.digest


async def test_people_are_known_to_every_store(tmp_path: Path) -> None:
    settings = processor.new_state(tmp_path, "x", users.policy)
    people.populate(settings, 30)
    body, layout = rules.BODY, settings.layout
    async with processor.running(settings) as pipeline:
        await processor.request(pipeline, body, sub=people.name(7), team=people.team(7))
        with pytest.raises(processor.RequestRefused, match="agreement_missing"):
            await processor.request(pipeline, body, sub="stranger@example.com")
        with pytest.raises(processor.RequestRefused, match="credential_revoked"):
            await processor.request(pipeline, body, sub=people.name(8), team=people.team(8), jti="gone-3")
    accounts = {account.key for account in read_accounts(layout.ledger)}
    assert len(accounts) == 30 + 30  # a person's and a team's: the request has opened none of its own
    assert len(SqliteCredentials(layout.credentials).of(CredentialClass.PERSONAL, people.name(7))) == 1
    assert SubjectsStore(layout.subjects).find(people.name(29)) is not None
