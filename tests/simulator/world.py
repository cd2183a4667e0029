"""What a history plays in: budgets and quotas of all kinds, callers, prices, limits that policy changes, and a clock."""

from __future__ import annotations

import random
from dataclasses import replace

from gateway_ext.budget.prices import Price
from gateway_ext.budget.quota_lines import quota_lines
from gateway_ext.budget.reserve import lines
from gateway_ext.budget.rules import BudgetRule, BudgetRules, Payer, QuotaRule, Reservation, Scope
from gateway_ext.budget.windows import Calendar, Window
from gateway_ext.exchange import CredentialClass, Estimate, Principal
from gateway_ext.limits import NANO
from gateway_ext.quota import Unit

TTL_SECONDS = 900
LATE_SECONDS_MAX = 120  # between a request's arrival and its reservation: less than a bucket of any window here
CARRIES = (0, 50, 10_000)
LIMITS = (0, 60, 150, 300, 600)
QUOTA_LIMITS = {
    Unit.REQUESTS: (1, 2, 5),
    Unit.TOKENS: (130, 300, 700),
    Unit.MONEY: (130, 300, 700),
    Unit.CONCURRENT: (1, 2, 4),
}
PERIODS_SECONDS = (60, 3_600, 86_400)
WINDOWS = (
    Window(Calendar.DAY),
    Window(Calendar.DAY, "Europe/Berlin"),
    Window(Calendar.MONTH),
    Window(Calendar.QUARTER, year_begins_in=4),
    Window(Calendar.YEAR),
    Window(Calendar.ROLLING, length_seconds=3_600),
    Window(Calendar.ROLLING, length_seconds=86_400),
    Window(Calendar.TOTAL),
)
PEOPLE = tuple(
    Principal(name, "person", "company", CredentialClass.SSO, f"c-{name}", team=team)
    for name, team in (("ada", "engines"), ("bob", "engines"), ("cyd", "looms"))
)
SCOPES = (Scope.ORGANISATION, Scope.TEAM, Scope.USER, Scope.CREDENTIAL)
# Minutes before the end of a day, a month, a quarter, a year; before and at both changes of daylight saving in Europe.
BEGINNINGS = tuple(seconds * NANO for seconds in (1_774_915_140, 1_798_761_300, 1_774_745_700, 1_792_889_700))
STEPS_SECONDS = (0, 1, 20, 140, 600, TTL_SECONDS, 3_500, 40_000, 86_400, 31 * 86_400)


class World:
    """All chance is from `chance`. `rules` are in force now; a request keeps those under which it was asked."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.now_unix_nano = chance.choice(BEGINNINGS) + chance.randrange(NANO)
        self._asked = 0
        budgets = [self._budget(number) for number in range(chance.randint(1, 3))]
        quotas = tuple(self._quota(number) for number in range(chance.choice((0, 0, 1, 2))))
        budgets[0] = replace(budgets[0], is_hard=True)
        self.rules = BudgetRules("EUR", TTL_SECONDS, tuple(budgets), {}, quotas=quotas)
        self._rate = 1

    def _budget(self, number: int) -> BudgetRule:
        chance = self._chance
        return BudgetRule(
            name=f"b{number}",
            scope=chance.choice(SCOPES),
            match="*",
            limit_nano=chance.choice(LIMITS[1:]),
            window=chance.choice(WINDOWS),
            per_model=chance.random() < 0.2,
            is_hard=chance.random() < 0.7,
            carries_max_nano=chance.choice(CARRIES),
        )

    def _quota(self, number: int) -> QuotaRule:
        chance = self._chance
        unit = chance.choice(tuple(Unit))
        return QuotaRule(
            name=f"q{number}",
            scope=chance.choice(SCOPES),
            match="*",
            unit=unit,
            limit=chance.choice(QUOTA_LIMITS[unit]),
            period_seconds=0 if unit is Unit.CONCURRENT else chance.choice(PERIODS_SECONDS),
            per_model=chance.random() < 0.2,
            only_answered=unit is Unit.REQUESTS and chance.random() < 0.5,
        )

    def passes(self) -> None:
        """Time: often until about midnight, where windows end and requests are late for them."""
        if self._chance.random() < 0.4:
            midnight = (self.now_unix_nano // (86_400 * NANO) + 1) * 86_400 * NANO
            self.now_unix_nano = max(self.now_unix_nano, midnight + self._chance.randint(-60, 60) * NANO)
        else:
            self.now_unix_nano += self._chance.choice(STEPS_SECONDS) * NANO

    def change_policy(self) -> str:
        """Another limit, carry-over or window of one budget, perhaps another price, and another limit of each quota."""
        chance, budgets = self._chance, list(self.rules.budgets)
        at = chance.randrange(len(budgets))
        if chance.random() < 0.2:
            budgets[at] = replace(budgets[at], window=chance.choice(WINDOWS))
        budgets[at] = replace(budgets[at], limit_nano=chance.choice(LIMITS), carries_max_nano=chance.choice(CARRIES))
        quotas = [replace(each, limit=chance.choice(QUOTA_LIMITS[each.unit])) for each in self.rules.quotas]
        self.rules = replace(self.rules, budgets=tuple(budgets), quotas=tuple(quotas))
        self._rate = chance.choice((1, 1, 2))
        return f"policy: {budgets[at]}, {self._rate} a token, {quotas}"

    def asks(self) -> Reservation:
        """A request; some are late: the moment that decides about their window has passed when they are reserved."""
        chance = self._chance
        self._asked += 1
        person, model = chance.choice(PEOPLE), chance.choice(("large", "small"))
        created = self.now_unix_nano - chance.choice((0, 0, 0, chance.randint(1, LATE_SECONDS_MAX))) * NANO
        amount = chance.choice((0, 1, 30, 60, 60, 100, 150, 299))
        price = Price(self._rate * 1_000_000, self._rate * 1_000_000, 0)
        dearer, bounds = Price(3_000_000, 3_000_000, 0), Estimate(amount - amount // 3, amount // 3)
        return Reservation(
            id=f"h{self._asked}",
            lines=lines(self.rules, person, model, created),
            amount_nano=amount,
            currency="EUR",
            estimate=bounds,
            prices={"eu/model": price, "us/model": dearer},
            payer=Payer(person.subject, person.team),
            model=model,
            created_unix_nano=created,
            expires_unix_nano=created + TTL_SECONDS * NANO,
            quotas=quota_lines(self.rules, person, model, bounds, amount) if self.rules.quotas else (),
        )
