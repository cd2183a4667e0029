from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from gateway_ext.budget.prices import DatedPrice, Price, Schedule, price_at
from gateway_ext.limits import NANO
from gateway_ext.policy.files import read_directory
from gateway_ext.policy.loader import judge, load_policy
from gateway_ext.policy.price_book import begins_unix_nano
from gateway_ext.policy.price_reading import read_prices
from gateway_ext.policy.price_review import remarks
from gateway_ext.policy.problems import PolicyError

MODELS = """
models:
  assistant:
    deployments:
      - {provider: us, model: big}
      - {provider: eu, price: {input: 0.4, output: 2}}
"""
BOOK = """
timezone: Europe/Paris
exchange:
  USD: [{from: 2026-01-01, rate: 0.9}, {from: 2026-03-01, rate: 0.8}]
prices:
  us/big:
    - {from: 2026-02-01, currency: USD, input: 10, output: 20}
    - {from: 2026-04-01, input: 7, output: 14, cached_input: 1, cache_write: 9, discount_percent: 12.5}
"""


@pytest.fixture
def write(policy_dir: Path) -> Callable[[str], Path]:
    (policy_dir / "models.yaml").write_text(MODELS)

    def write(book: str) -> Path:
        (policy_dir / "prices.yaml").write_text(book)
        return policy_dir

    return write


def schedule(directory: Path, cluster: str = "us/big") -> Schedule:
    return load_policy(directory).budget.prices[cluster]


def moment(day: str) -> int:
    return begins_unix_nano(date.fromisoformat(day), "Europe/Paris")


def faults(directory: Path, now: str) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        judge(directory, read_directory(directory), now_unix_nano=lambda: moment(now))
    return [str(problem) for problem in caught.value.problems]


def test_a_price_changes_with_its_dates_and_with_those_of_its_exchange_rate(write: Callable[[str], Path]) -> None:
    in_dollars = Price(10 * NANO, 20 * NANO, 10 * NANO)
    assert schedule(write(BOOK)) == (
        DatedPrice(moment("2026-02-01"), _times(in_dollars, 9, 10)),
        DatedPrice(moment("2026-03-01"), _times(in_dollars, 4, 5)),
        DatedPrice(
            moment("2026-04-01"),
            Price(7 * NANO, 14 * NANO, 1 * NANO, cache_write_rate=9 * NANO, numerator=7, denominator=8),
        ),
    )


def _times(price: Price, numerator: int, denominator: int) -> Price:
    return Price(
        price.input_rate, price.output_rate, price.cached_input_rate, numerator=numerator, denominator=denominator
    )


def test_a_day_begins_at_midnight_of_the_book_s_zone(write: Callable[[str], Path]) -> None:
    found = schedule(write(BOOK))
    midnight = 1_769_900_400 * NANO  # 2026-01-31T23:00:00Z
    assert price_at(found, midnight - 1) is None
    assert price_at(found, midnight) == found[0].price


def test_seconds_of_graphics_processors_are_reserved_up_to_their_maximum(write: Callable[[str], Path]) -> None:
    rates = "from: 2026-01-01, input: 0, output: 0, per_gpu_second: 0.001"
    (bounded,) = schedule(write(f"prices: {{us/big: [{{{rates}, gpus: 4, seconds_max: 60}}]}}"))
    assert (bounded.price.per_second_nano, bounded.price.seconds_max) == (4_000_000, 60)
    (unbounded,) = schedule(write(f"prices: {{us/big: [{{{rates}}}]}}"))
    assert unbounded.price.seconds_max == 900  # hold_ttl_seconds: no exchange lasts longer


def test_models_yaml_and_prices_yaml_are_one_book(write: Callable[[str], Path]) -> None:
    assert schedule(write(BOOK), "eu/assistant") == (DatedPrice(0, Price(400_000_000, 2 * NANO, 400_000_000)),)


def test_a_price_in_both_files_is_an_error(write: Callable[[str], Path]) -> None:
    directory = write(BOOK + "  eu/assistant: [{from: 2026-01-01, input: 1, output: 1}]\n")
    (fault,) = faults(directory, "2026-05-01")
    assert fault == ("models.yaml:6:24: 'eu/assistant' has a price in line 9 of prices.yaml, too; keep one of them")


def test_a_price_in_none_of_them_is_an_error(write: Callable[[str], Path]) -> None:
    (fault,) = faults(write("prices: {us/bigger: [{from: 2026-01-01, input: 1, output: 1}]}"), "2026-05-01")
    assert fault.startswith("models.yaml:5:9: item 1 of 'deployments' lacks the key 'price'; add it, for example")
    assert "'us/big' to prices.yaml" in fault


@pytest.mark.parametrize(
    ("book", "day"),
    [
        (BOOK, "2026-02-01"),
        (BOOK.replace("2026-01-01, rate", "2026-02-15, rate"), "2026-02-15"),
    ],
    ids=["price", "exchange_rate"],
)
def test_a_price_that_begins_later_is_an_error_until_it_begins(
    write: Callable[[str], Path], book: str, day: str
) -> None:
    directory = write(book)
    (fault,) = faults(directory, "2026-01-31")
    assert f"'us/big' has no price before {day}, when it or its exchange rate begins" in fault
    judge(directory, read_directory(directory), now_unix_nano=lambda: moment(day))


def test_a_book_that_cannot_be_read_hides_no_other_fault(write: Callable[[str], Path]) -> None:
    directory = write("prices: [")
    (directory / "access.yaml").write_text("access: 1\n")
    found = faults(directory, "2026-05-01")
    assert [fault.partition(":")[0] for fault in found] == ["access.yaml", "prices.yaml"]


def test_a_misspelt_deployment_is_a_warning(write: Callable[[str], Path]) -> None:
    directory = write(BOOK + "  us/bgi: [{from: 2026-01-01, input: 1, output: 1}]\n")
    found = judge(directory, read_directory(directory)).warnings
    (warning,) = [str(each) for each in found if each.file == "prices.yaml"]
    assert warning == "prices.yaml:9:3: no model of models.yaml uses 'us/bgi'"


# --- what is odd ---------------------------------------------------------------------------------------------------


def said(directory: Path, today: str = "2026-04-02") -> list[str]:
    files = read_prices(directory, directory)
    return [f"{each.file}:{each.line} {each.message}" for each in remarks(files, date.fromisoformat(today), 60)]


def test_nothing_is_odd_about_a_good_book(write: Callable[[str], Path]) -> None:
    assert said(write(BOOK.replace("- {from: 2026-04-01,", "- {from: 2026-04-01, currency: USD,"))) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("input: 7", "input: 0.0025", "'input' looks like a price per 1,000 tokens"),
        ("output: 14", "output: 0.01", "'output' looks like a price per 1,000 tokens"),
        ("output: 14", "output: 1400", "'output' looks like cents"),
        ("output: 14", "output: 5", "'output' is cheaper than 'input'"),
        ("cached_input: 1", "cached_input: 8", "'cached_input' is dearer than 'input'"),
        ("cache_write: 9", "cache_write: 2", "'cache_write' is cheaper than 'input'"),
        ("currency: USD, input: 7", "input: 7", "'us/big' is in another currency than before"),
        ("USD: [{from: 2026-01-01", "USD: [{from: 2026-02-15", "from 2026-02-01 to 2026-02-15 there is no exchange"),
        (
            "timezone: Europe/Paris\nexchange:",
            "exchange:\n  CHF: [{from: 2026-03-05, rate: 1}]",
            "no price is in 'CHF'",
        ),
        ("2026-04-01, currency", "2027-04-01, currency", "'us/big' is 61 days old"),
        ("{from: 2026-03-01, rate: 0.8}", "{from: 2027-03-01, rate: 0.8}", "'USD' is 92 days old"),
    ],
)
def test_what_is_odd(write: Callable[[str], Path], old: str, new: str, words: str) -> None:
    book = BOOK.replace("{from: 2026-04-01, input", "{from: 2026-04-01, currency: USD, input")
    assert old in book
    found = said(write(book.replace(old, new)), "2026-04-03")
    assert any(words in each for each in found), found


def test_odd_rates_of_models_yaml(write: Callable[[str], Path]) -> None:
    directory = write(BOOK)
    path = directory / "models.yaml"
    path.write_text(path.read_text().replace("input: 0.4, output: 2", "input: 0.0004, output: 0.002"))
    assert [each for each in said(directory) if "models.yaml:6" in each and "per 1,000" in each]
