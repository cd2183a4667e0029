import json

import pytest

from gateway_ext.alerts.alert import Kind, amount, document, sentence
from gateway_ext.limits import NANO
from tests.unit.alerts.alerts import NOW, made


def test_a_document_says_both_sums_exactly() -> None:
    (entry,) = document([made()])["alerts"]
    assert (entry["limit"], entry["posted"], entry["posted_and_held"]) == ("20", "16.25", "17.25")
    assert (entry["budget"], entry["scope"], entry["value"], entry["threshold_percent"]) == (
        "per-user",
        "user",
        "ada",
        80,
    )
    assert (entry["told_at"], entry["period_ends"]) == ("2026-10-26T07:33:20Z", "2026-10-27T07:33:20Z")
    assert entry["exceeded_at"] is None


def test_the_same_has_the_same_id_and_something_else_another() -> None:
    assert made().id == made(told=NOW + 5).id
    assert len({each.id for each in (made(), made("eva"), made(threshold_percent=100), made(kind=Kind.FORECAST))}) == 4


@pytest.mark.parametrize("value", ["a\x1b[2Jb", "a\nb", "a\ud800b"])
def test_a_name_from_a_token_cannot_write_anything_else(value: str) -> None:
    assert sentence(made(value)).isprintable()
    json.dumps(document([made(value)]), ensure_ascii=False).encode()


def test_a_sentence_says_what_has_happened() -> None:
    assert sentence(made()) == (
        "per-user, user ada: has reached 80 % (16.25 of 20 EUR spent, 17.25 with what is held for requests under way; 2026-10)"
    )


@pytest.mark.parametrize(("nano", "text"), [(0, "0"), (1, "0.000000001"), (10**18, "1000000000"), (5 * NANO, "5")])
def test_amounts_are_exact(nano: int, text: str) -> None:
    assert amount(nano) == text
