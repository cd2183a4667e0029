"""What is true of the ledger after every step of every history, one name each, and the checks on its books as they stand.

What depends on the step itself (a grant, a repetition, a death) is checked where the step is taken, in history.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway_ext.budget.rules import AccountLine
from gateway_ext.budget.windows import rolling_bucket
from gateway_ext.limits import NANO
from tests.simulator.books import HoldRow, Reading
from tests.simulator.model import ESTIMATED, PRESUMED, REPORTED, STATED, Model, ModelHold

INVARIANTS = {
    "sums": "each account holds and has posted the sums of its holds, and no account is negative",
    "limit": "nothing is granted above limit + top-ups + what was carried over - what was handed over",
    "room": "nobody is refused who fits, and what was refused is granted once settlements have made room",
    "rolling": "within any length of a rolling window no more is held and spent than its limit and top-ups",
    "soft": "a soft budget refuses nobody, and a grant names exactly the soft budgets that it exceeds",
    "all lines": "a granted hold counts on every account it was asked for, under the amount it was granted with",
    "figures": "a closed hold costs what its strongest statement says at the price of its reservation",
    "evidence": "figures never rest on weaker evidence than before",
    "once": "each hold is closed once; whoever is told other figures later is told that they are corrected",
    "trail": "the last figures told of a hold are those in the books",
    "repeats": "what is said again changes nothing",
    "all or nothing": "a refusal, and a death in the middle of a transaction, leave no trace",
    "expiry": "a sweep closes the holds past their time, the oldest first, and no others",
    "nothing left": "once all time to live is over nothing is held",
    "quota": "nothing is let through that a quota has no room for, be it refilled or given back by those that have ended",
    "quota room": "nobody is refused by a quota that has room for him",
    "quota held": "a quota holds what the requests under way have taken of it, and nothing else",
    "quota used": "an ended request has used of its quotas what it did use, once, until that is refilled",
    "quota told": "what is told to be left of a quota is what is left of it",
    "quota forgotten": "a quota is forgotten when it is full and nothing of it is held, and only then",
    "carried": "what one period hands over is what the next one has taken over, once",
}

LEASE_INVARIANTS = {
    "lease sums": "each account holds and has posted the sums of its holds, those of leases included",
    "lease limit": "what is held and posted never exceeds a limit, whatever becomes of leases and of those who have them",
    "lease covered": "all that was granted is held or posted at every moment, also when those who granted it have died",
    "lease drawn": "what was granted from a lease is a part of it when it is written",
    "lease found": "the end of a granted request finds it, whichever processor is told, and is posted at its cost",
    "lease quotas": "requests with quotas are granted by the ledger alone: it holds a place for each of them",
    "lease refusal": "nobody is refused beside money that his own processor has leased and not granted",
    "lease room": "once all have settled and rested, all that is left of a budget can be had",
    "lease returned": "processors that live have given back all leases once they have rested",
    "lease unspent": "nothing is posted under a lease while nobody dies and nothing is lost",
    "lease end": "once all time to live is over nothing is held, of leases neither",
}


class ViolationError(AssertionError):
    """`names` are those of the invariants that do not hold, `log` tells the steps up to then."""

    def __init__(self, seed: int, failed: list[tuple[str, str]], log: list[str]) -> None:
        self.names = {name for name, _ in failed}
        told = [f"{name}: {(INVARIANTS | LEASE_INVARIANTS)[name]}\n    {found}" for name, found in failed]
        super().__init__("\n".join([f"history {seed}, step {len(log)}", *log, *told]))


def failures(books: Reading, before: Reading, model: Model, now_unix_nano: int) -> Iterator[tuple[str, str]]:
    """(invariant, what was found) for each that the books do not keep."""
    yield from _sums(books, model)
    yield from model.quotas.failures(books.quotas, now_unix_nano)
    yield from _holds(books, before, model)
    handed_over = sum(account.handed_over_nano for account in books.accounts.values())
    carried = sum(account.carried_nano for account in books.accounts.values())
    expected = {key: (each.carried_nano, each.handed_over_nano) for key, each in model.accounts.items()}
    found = {key: (each.carried_nano, each.handed_over_nano) for key, each in books.accounts.items()}
    if handed_over != carried or found != expected:
        yield "carried", f"{found} instead of {expected}"


def _sums(books: Reading, model: Model) -> Iterator[tuple[str, str]]:
    sums = dict.fromkeys(books.accounts, (0, 0))
    for hold_id, hold in model.holds.items():
        row = books.holds.get(hold_id)
        if row is None:
            continue
        for line in hold.asked.lines:
            held, posted = sums.get(line.key, (0, 0))
            sums[line.key] = (held + (row.amount_nano if row.state == "held" else 0), posted + row.cost_nano)
    found = {key: (account.held_nano, account.posted_nano) for key, account in books.accounts.items()}
    if found != sums or any(min(amounts) < 0 for amounts in found.values()):
        yield "sums", f"accounts {found}, their holds {sums}"


def _holds(books: Reading, before: Reading, model: Model) -> Iterator[tuple[str, str]]:
    if books.holds.keys() != model.holds.keys():
        yield "all lines", f"holds {sorted(books.holds)} instead of {sorted(model.holds)}"
    for hold_id, row in books.holds.items():
        hold = model.holds.get(hold_id)
        if hold is None:
            continue
        if row.amount_nano != hold.asked.amount_nano or any(
            line.key not in books.accounts for line in hold.asked.lines
        ):
            yield "all lines", f"{hold_id}: {row}, asked for {hold.asked.amount_nano}"
        if row.cost_nano != hold.cost_nano or (row.state == "held") != hold.is_open:
            yield "figures", f"{hold_id}: {row} instead of {hold.cost_nano} from {hold.statements}"
        if hold_id in before.holds and strength(row) < strength(before.holds[hold_id]):
            yield "evidence", f"{hold_id}: {before.holds[hold_id]} became {row}"


def strength(row: HoldRow) -> int:
    """Of what the books rest on."""
    if row.state in ("held", "expired"):
        return 0 if row.state == "held" else PRESUMED
    if row.is_estimated is None:
        return STATED
    return ESTIMATED if row.is_estimated else REPORTED


def rolling(granted: ModelHold, model: Model) -> Iterator[tuple[str, str]]:
    """Asked after a grant: the stretch of time that ends with the newest request, by the clock and not by buckets."""
    for line in granted.asked.lines:
        length_seconds = _rolling_seconds(line)
        if not length_seconds or not line.is_hard:
            continue
        counted = [
            hold
            for hold in model.holds.values()
            if any(each.budget == line.budget and _rolling_seconds(each) == length_seconds for each in hold.asked.lines)
        ]
        newest = max(hold.asked.created_unix_nano for hold in counted)
        used = sum(
            hold.counts_nano for hold in counted if newest - hold.asked.created_unix_nano < length_seconds * NANO
        )
        allowed = line.limit_nano + model.topped_up_nano(line.budget, granted.asked.created_unix_nano)
        if used > allowed:
            yield "rolling", f"{line.key}: {used} of {allowed}"


def _rolling_seconds(line: AccountLine) -> int:
    bucket = rolling_bucket(line.key.split("/")[1])
    return bucket[0] if bucket else 0
