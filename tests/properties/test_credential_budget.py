"""Whatever a credential's budget says: it never lets through more than policy alone, and never more than itself."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway_ext.budget.reserve import lines
from gateway_ext.budget.rules import BudgetRule, BudgetRules, Scope
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.budget.status import read_accounts
from gateway_ext.budget.windows import Calendar, Window
from gateway_ext.errors import BudgetExhausted, BudgetMissing, CredentialBudgetUnusable
from gateway_ext.exchange import CredentialClass, Interface, Principal, Usage, VerifiedClaims
from gateway_ext.identity.claims import authenticate
from gateway_ext.identity.rules import IdentityRules, IssuerRule
from tests.unit.budget.reservations import NOW, FixedClock, assert_books_balance, reservation

ISSUER = IssuerRule(
    "personal",
    CredentialClass.PERSONAL,
    "person",
    frozenset({Interface.PUBLIC}),
    {"subject": "sub", "credential_id": "jti"},
)
IDENTITY = IdentityRules({"personal": ISSUER}, ())
PARIS = "Europe/Paris"
RULES = BudgetRules(
    "EUR",
    900,
    (BudgetRule("people", Scope.USER, "*@corp", 1_000, Window(Calendar.MONTH, PARIS)),),
    {},
    timezone=PARIS,
)
GOOD = {"account": "c1", "currency": "EUR", "limit_nano": "500", "window": "month"}
CLAIMS = st.builds(
    lambda account, limit: GOOD | {"account": account, "limit_nano": limit},
    st.sampled_from(["c1", "c2"]),
    st.sampled_from(["500", "500", "500", "1", "750", str(10**18)]),
)
UNUSABLE = st.sampled_from(
    [
        None,
        7,
        {},
        *(GOOD | each for each in ({"currency": "CHF"}, {"window": "decade"}, {"limit_nano": "-1"}, {"more": "1"})),
    ]
)
NONE = object()


@dataclass(frozen=True)
class Request:
    claim: Any  # NONE: the credential carries no budget
    subject: str
    amount_nano: int
    is_voided: bool


REQUESTS = st.builds(
    Request,
    st.one_of(CLAIMS, CLAIMS, CLAIMS, CLAIMS, st.just(NONE), UNUSABLE),
    st.sampled_from([*("anna@corp", "ben@corp", "cleo@corp") * 2, "eve@elsewhere"]),
    st.sampled_from([1, 250, 250, 250, 400]),
    st.sampled_from([False, False, False, True]),
)


@given(st.lists(REQUESTS, min_size=6, max_size=14))
@example(
    [Request(GOOD, each, amount, False) for each, amount in (("anna@corp", 250), ("ben@corp", 250), ("ben@corp", 1))]
)
@example([Request(GOOD | {"account": each}, "anna@corp", 400, False) for each in ("c1", "c2", "c1", "c2")])
@settings(max_examples=30, deadline=None)
def test_it_only_ever_narrows(requests: list[Request]) -> None:
    with tempfile.TemporaryDirectory() as directory, asyncio.Runner() as runner:
        path = Path(directory) / "ledger.sqlite"
        ledger = SqliteLedger(path, FixedClock())
        runner.run(ledger.open())
        spent: Counter[str] = Counter()
        for number, request in enumerate(requests):
            runner.run(_judged(ledger, f"h{number}", request, spent))
        runner.run(ledger.close())
        assert all((each.posted_nano, each.held_nano) == (spent[each.key], 0) for each in read_accounts(path))
        assert_books_balance(path)


async def _judged(ledger: SqliteLedger, hold_id: str, request: Request, spent: Counter[str]) -> None:
    """Granted if, and only if, policy alone would have granted it and its own budget has room. `spent` is the model."""
    amount = request.amount_nano
    account, has_own_room = f"own {request.claim.get('account')}" if isinstance(request.claim, dict) else "", True
    if request.claim is not NONE:
        claim = request.claim if isinstance(request.claim, dict) else {}
        is_understood = claim == GOOD | {name: claim.get(name) for name in ("account", "limit_nano")}
        limit = claim.get("limit_nano", "")
        has_own_room = is_understood and limit.isdecimal() and spent[account] + amount <= int(limit)
    has_policys_room = request.subject.endswith("@corp") and spent[request.subject] + amount <= 1_000
    try:
        principal = _principal(request)
        asked = reservation(hold_id, amount, *lines(RULES, principal, "large", NOW))
        hold = await ledger.reserve(asked)
    except (BudgetExhausted, BudgetMissing, CredentialBudgetUnusable):
        assert not (has_own_room and has_policys_room)
        return
    assert has_own_room
    assert has_policys_room
    if request.is_voided:
        await ledger.void(hold.id, "test")
        return
    await ledger.post(hold.id, Usage(amount, 0), "eu/model", "test")
    spent.update({request.subject: amount, account: amount} | {line.key: amount for line in asked.lines})


def _principal(request: Request) -> Principal:
    claims = {"sub": request.subject, "jti": "c9"} | ({} if request.claim is NONE else {"budget": request.claim})
    return authenticate({"personal": VerifiedClaims(claims)}, Interface.PUBLIC, IDENTITY)
