"""What every ledger must do about one person. A backend's test file subclasses it and gives the fixtures.

`ledger`: an open, empty ledger. `person`: what it keeps of people. `balances`: reads account → (held, posted).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from gateway_ext.budget.person import PersonInLedger, Renaming
from gateway_ext.budget.quotas import QuotaLine
from gateway_ext.budget.reserve import lines, payer
from gateway_ext.budget.rules import BudgetRule, BudgetRules, Reservation, Scope, TopUp
from gateway_ext.exchange import CredentialClass, Estimate, Principal, Usage
from gateway_ext.ports import Ledger
from gateway_ext.quota import Unit
from tests.unit.budget.reservations import NOW, PRICES, TTL

Balances = Callable[[], dict[str, tuple[int, int]]]
ADA, EVA, NOBODY = "ada@works.example", "ada@works.example.org", "erased-0"
RULES = BudgetRules(
    "EUR",
    900,
    (
        BudgetRule("mine", Scope.USER, "*", 1_000),
        BudgetRule("ours", Scope.TEAM, "*", 10_000),
        BudgetRule("keys", Scope.CREDENTIAL, "*", 10_000),
        BudgetRule("runs", Scope.AGENT_RUN, "*", 1_000),
    ),
    {},
)
_Result = TypeVar("_Result")


def reserving(
    hold_id: str, name: str, amount_nano: int = 10, agent_run: str = "", credential_id: str = ""
) -> Reservation:
    who = Principal(name, "person", "company", CredentialClass.SSO, credential_id or f"key-of-{name}", team="works")
    found = lines(RULES, who, "large", NOW, agent_run)
    key = found[0].key.split("/")[-1]
    return Reservation(
        hold_id, found, amount_nano, "EUR", Estimate(100, 10), PRICES, payer(who, RULES, agent_run), "large", NOW, NOW + TTL,
        quotas=(QuotaLine(f"tokens/60/fast/user/{key}", "fast", Unit.TOKENS, 100_000, 60, 100),),
    )  # fmt: skip


def blocking(work: Callable[[], _Result]) -> _Result:
    """In a thread: a command has an event loop of its own."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()


def held_under(person: PersonInLedger, name: str) -> list[str]:
    return blocking(lambda: [each["id"] for each in person.holds(name)])


def accounts_of(person: PersonInLedger, name: str) -> dict[str, int]:
    return blocking(lambda: {each["key"].split("/", 2)[2]: each["posted_nano"] for each in person.accounts(name)})


class PersonContract:
    async def test_it_tells_what_is_held_of_one_person(self, ledger: Ledger, person: PersonInLedger) -> None:
        await ledger.reserve(reserving("h1", ADA, agent_run="run-1"))
        await ledger.post("h1", Usage(3, 4), "eu/model", "test")
        await ledger.reserve(reserving("h2", EVA))
        (hold,) = blocking(lambda: list(person.holds(ADA)))
        expected: dict[str, Any] = {
            "id": "h1", "state": "posted", "cost_nano": 7, "cluster": "eu/model", "team": "works", "agent_run": "run-1",
            "credential_id": f"key-of-{ADA}",
        }  # fmt: skip
        assert {name: hold[name] for name in expected} == expected
        assert accounts_of(person, ADA) == {
            "mine/user/ada%40works.example": 7,
            "runs/agent_run/ada%40works.example%2Frun-1": 7,
        }

    async def test_under_another_name_all_sums_are_the_same(
        self, ledger: Ledger, person: PersonInLedger, balances: Balances
    ) -> None:
        for number in range(3):
            await ledger.reserve(reserving(f"a{number}", ADA, agent_run=f"run-{number}"))
            await ledger.post(f"a{number}", Usage(number, 4), "eu/model", "test")
        await ledger.reserve(reserving("e", EVA))
        before = balances()
        renaming = Renaming(ADA, NOBODY)
        assert blocking(lambda: person.rename(renaming)) == 3
        own = renaming.with_credentials([f"key-of-{ADA}"])
        assert balances() == {own.key(key): sums for key, sums in before.items()}
        assert not [key for key in balances() if "ada%40works.example" in key.replace("ada%40works.example.org", "")]
        assert held_under(person, ADA) == []
        assert held_under(person, NOBODY) == ["a0", "a1", "a2"]
        assert held_under(person, EVA) == ["e"]
        assert {each["credential_id"] for each in blocking(lambda: list(person.holds(NOBODY)))} == {NOBODY}

    async def test_what_was_under_way_is_settled_under_the_new_name(
        self, ledger: Ledger, person: PersonInLedger, balances: Balances
    ) -> None:
        await ledger.reserve(reserving("h", ADA))
        blocking(lambda: person.rename(Renaming(ADA, NOBODY)))
        assert await ledger.post("h", Usage(5, 0), "eu/model", "test")
        sums = {key.split("/", 2)[2]: each for key, each in balances().items()}
        assert sums == {
            "keys/credential/erased-0": (0, 5),
            "mine/user/erased-0": (0, 5),
            "ours/team/works": (0, 5),
        }

    async def test_a_credential_that_others_use_keeps_its_name(
        self, ledger: Ledger, person: PersonInLedger, balances: Balances
    ) -> None:
        for hold_id, name in (("h1", ADA), ("h2", EVA)):
            asked = reserving(hold_id, name, credential_id="front-end")
            await ledger.reserve(asked)
        before = [sums for key, sums in balances().items() if "front-end" in key]
        blocking(lambda: person.rename(Renaming(ADA, NOBODY)))
        assert [sums for key, sums in balances().items() if "front-end" in key] == before == [(20, 0)]
        assert {each["credential_id"] for each in blocking(lambda: list(person.holds(NOBODY)))} == {"front-end"}

    async def test_again_it_adds_to_what_is_there(
        self, ledger: Ledger, person: PersonInLedger, balances: Balances
    ) -> None:
        for hold_id in ("h1", "h2"):
            await ledger.reserve(reserving(hold_id, ADA))
            await ledger.post(hold_id, Usage(5, 0), "eu/model", "test")
            assert blocking(lambda: person.rename(Renaming(ADA, NOBODY))) == 1
        assert accounts_of(person, NOBODY) == {"mine/user/erased-0": 10}
        assert blocking(lambda: person.rename(Renaming(ADA, NOBODY))) == 0

    async def test_top_ups_go_along_with_their_account_and_actor(self, ledger: Ledger, person: PersonInLedger) -> None:
        budget = reserving("x", ADA).lines[0].budget
        await ledger.top_up(TopUp("t", budget, 990, NOW, NOW + TTL, ADA, "because"))
        blocking(lambda: person.rename(Renaming(ADA, NOBODY)))
        assert (await ledger.reserve(reserving("h", NOBODY, 1_900))).amount_nano == 1_900
