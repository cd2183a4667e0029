from __future__ import annotations

from gateway_ext.budget.balances import balance, topped_up
from gateway_ext.budget.rules import BudgetRule, Scope, TopUp
from gateway_ext.budget.spending import Spent, looks

NOW = 1_793_000_000_000_000_000  # 2026-10-26
RULE = BudgetRule("people", Scope.USER, "*", 1_000, per_model=True, is_hard=False)


def top_up(number: int, amount_nano: int, begins: int, ends: int, value: str = "a%2Fda/large") -> TopUp:
    return TopUp(str(number), f"EUR/people/user/{value}", amount_nano, begins, ends, "root", "fair")


def test_what_is_left_is_the_limit_and_what_was_added_without_what_was_spent() -> None:
    (look,) = looks(RULE, "EUR", NOW, late_seconds=0)
    added = topped_up(
        [top_up(1, 30, NOW, NOW + 1), top_up(2, 5, 0, NOW + 1), top_up(3, 7, 0, NOW + 1, "bob/large")], NOW
    )
    spent = Spent("people/user/a%2Fda/large", 400, 50, 20), Spent("people/user/eve/small", 1_001, 0, 0)
    ada, eve = (balance(RULE, "EUR", look, each, added) for each in spent)
    assert (ada.value, ada.model, ada.period, ada.is_hard) == ("a/da", "large", "2026-10", False)
    assert (ada.carried_nano, ada.topped_up_nano, ada.left_nano) == (20, 35, 1_000 + 20 + 35 - 400 - 50)
    assert (eve.value, eve.topped_up_nano, eve.left_nano) == ("eve", 0, -1)
    assert ada.ends_unix_nano is not None
    assert ada.ends_unix_nano > NOW


def test_top_ups_count_from_their_beginning_until_their_end() -> None:
    granted = [top_up(1, 1, NOW, NOW + 1), top_up(2, 2, NOW + 1, NOW + 2), top_up(3, 4, NOW - 1, NOW)]
    assert topped_up(granted, NOW) == {"EUR/people/user/a%2Fda/large": 1}
