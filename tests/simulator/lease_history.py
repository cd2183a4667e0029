"""One history of processors with leases: they grant and settle for each other, stall and die, and what they use is lost."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

from gateway_ext.budget.leases.rules import LEASE_PREFIX, LeaseRules
from gateway_ext.budget.prices import Price
from gateway_ext.budget.quotas import QuotaLine
from gateway_ext.budget.rules import AccountLine, Payer, Reservation, Settlement
from gateway_ext.errors import BudgetExhausted, LedgerUnavailable, RateLimited
from gateway_ext.exchange import Estimate, Usage
from gateway_ext.limits import NANO
from gateway_ext.quota import Unit
from tests.simulator.books import SqliteBooks
from tests.simulator.invariants import ViolationError
from tests.simulator.lease_site import Processor, Site, SlicesInRedis
from tests.simulator.virtual_time import VirtualTimeLoop

STEPS = 14
TTL_SECONDS = 900
REST_SECONDS = 6.5  # longer than leases stay idle
PEOPLE = ("ada", "bob")
HOUSE, HOUSE_LIMIT_NANO = "house", 200  # soft: refuses nobody
AMOUNTS = (1, 10, 10, 10, 25, 60, 200)
PRICES = {"eu/model": Price(1_000_000, 1_000_000, 0)}

ACCOUNTS = "SELECT key, held_nano, posted_nano FROM account"
SUMS = """SELECT value, sum(CASE state WHEN 'held' THEN amount_nano ELSE 0 END), sum(cost_nano)
  FROM hold, json_each(accounts) GROUP BY 1"""
OPEN_PLACES = "SELECT count(*) FROM hold WHERE state = 'held' AND quotas <> '[]'"
HELD_PLACES = "SELECT coalesce(sum(held), 0) FROM quota"
OPEN_LEASES = f"SELECT id FROM hold WHERE state = 'held' AND id LIKE '{LEASE_PREFIX}%'"
SPENT_LEASES = f"SELECT id, cost_nano FROM hold WHERE cost_nano > 0 AND id LIKE '{LEASE_PREFIX}%'"


@dataclass
class Promise:
    """A request that was granted. `costs_nano` is what it may cost, or, once somebody tells its end, what it did."""

    by: Processor
    accounts: frozenset[str]
    costs_nano: int
    is_ended: bool = False
    is_settled: bool = False


class LeaseHistory:
    """Raises ViolationError for the first step after which an invariant does not hold. In a calm one nothing is ever lost."""

    def __init__(self, books: SqliteBooks, seed: int) -> None:
        self._books = books
        self._seed = seed
        self._chance = chance = random.Random(seed)
        self._loop = VirtualTimeLoop()
        self._site = Site(books, self._loop, chance)
        self._is_calm = chance.random() < 0.5
        self._site.loses_answers = 0 if self._is_calm else chance.choice((0, 20, 100))
        if chance.random() < 0.5:
            self._site.redis = SlicesInRedis(self._site.now_unix_nano)
        self._limits = {name: chance.choice((300, 900, 2_000)) for name in ("team", *PEOPLE)}
        self._house = (HOUSE,) if chance.random() < 0.3 else ()
        self._rules = LeaseRules(
            warm_requests=chance.choice((0, 1)),
            first_requests=4,
            ahead_part=chance.choice((0, 4)),
            share=chance.choice((2, 8)),
        )
        self._promises: dict[str, Promise] = {}
        self._under_way: list[Processor] = []
        self._asked_of: dict[Processor, int] = {}
        self._dead: list[Processor] = []  # held, for their tasks would else be collected while they wait
        self._asked = 0
        self._failed: list[tuple[str, str]] = []
        self._steps: list[tuple[object, ...]] = []

    def run(self) -> None:
        self._books.clear()
        asyncio.set_event_loop(self._loop)
        try:
            self._processors = [self._started() for _ in range(self._chance.randint(1, 3))]
            actions, weights = zip(*self._actions(), strict=True)
            for action in self._chance.choices(actions, weights, k=STEPS):
                action()
                self._check()
            self._end()
        finally:
            self._loop.end_all()
            asyncio.set_event_loop(None)
            self._loop.close()

    def _actions(self) -> list[tuple[Callable[[], object], int]]:
        wild = 0 if self._is_calm else 1
        return [
            (self._ask, 10),
            (self._finish, 5),
            (self._time_passes, 4),
            (self._sweep, 1),
            (self._a_processor_dies, wild),
            (self._the_ledger_comes_or_goes, 2 * wild),
            (self._redis_comes_or_goes, 2 * wild),
            (self._all_stall, 2 * wild),
        ]

    def _started(self) -> Processor:
        return Processor(self._site, self._rules)

    # --- requests -------------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        """One, or several at once."""
        processor, person = self._chance.choice(self._processors), self._chance.choice(PEOPLE)
        for _ in range(self._chance.choice((1, 1, 2, 6))):
            asked = self._reservation(self._chance.choice(AMOUNTS), ("team", person))
            self._loop.create_task(self._request(processor, asked))
        self._loop.run_for(self._chance.choice((0.0, 0.002, 0.03)))

    def _reservation(self, amount_nano: int, accounts: tuple[str, ...]) -> Reservation:
        self._asked += 1
        now = self._site.now_unix_nano()
        quotas = (QuotaLine("places", "places", Unit.CONCURRENT, 3, 0, 1),) if self._chance.random() < 0.1 else ()
        return Reservation(
            id=f"h{self._asked}",
            lines=(
                *(AccountLine(name, name, HOUSE_LIMIT_NANO, is_hard=False) for name in self._house),
                *(AccountLine(name, name, self._limits[name]) for name in accounts),
            ),
            amount_nano=amount_nano,
            currency="EUR",
            estimate=Estimate(amount_nano, 0),
            prices=PRICES,
            payer=Payer(accounts[-1]),
            model="large",
            created_unix_nano=now,
            expires_unix_nano=now + TTL_SECONDS * NANO,
            quotas=quotas,
        )

    async def _request(self, processor: Processor, asked: Reservation) -> None:
        others, self._asked_of[processor] = self._asked_of.get(processor, 0), self._asked_of.get(processor, 0) + 1
        was_alone = processor not in self._under_way
        self._under_way.append(processor)
        answer: object
        try:
            answer = await processor.leased.reserve(asked)
        except (BudgetExhausted, RateLimited, LedgerUnavailable) as refusal:
            answer = refusal
        finally:
            self._under_way.remove(processor)
        if processor.is_dead:
            return  # nobody hears it any more
        self._note(self._name(processor), "reserves", asked.id, asked.amount_nano, asked.payer.subject, "→", answer)
        accounts = frozenset(line.key for line in asked.lines)
        if not isinstance(answer, Exception):
            self._promises[asked.id] = Promise(processor, accounts, asked.amount_nano)
        was_alone &= self._asked_of[processor] == others + 1
        if isinstance(answer, BudgetExhausted) and was_alone and self._is_calm and self._site.redis is None:
            leased, used = processor.leased.leased_nano(), self._used_nano()
            hard = [line for line in asked.lines if line.is_hard]
            short = [line.key for line in hard if used.get(line.key, 0) + asked.amount_nano > line.limit_nano]
            idle = {key: leased[key] for key in short if leased.get(key)}
            self._require("lease refusal", not idle, asked.id, "was refused beside", idle)

    def _finish(self) -> None:
        """A request ends, and whichever processor is told."""
        open_ones = [hold_id for hold_id, promise in self._promises.items() if not promise.is_settled]
        if open_ones:
            processor = self._chance.choice(self._processors)
            self._loop.create_task(self._settle(processor, self._chance.choice(open_ones)))
            self._loop.run_for(self._chance.choice((0.0, 0.01)))

    async def _settle(self, processor: Processor, hold_id: str) -> None:
        promise = self._promises[hold_id]
        if not promise.is_ended:
            promise.is_ended = True
            promise.costs_nano = self._chance.randint(0, promise.costs_nano)
        said = Settlement(hold_id, Usage(promise.costs_nano, 0), "eu/model", "access_log")
        try:
            (settled,) = await processor.leased.settle_all([said])
        except LedgerUnavailable:
            return
        if processor.is_dead:
            return
        self._note(self._name(processor), "settles", hold_id, "→", settled)
        if settled is None:
            self._require("lease found", not self._is_calm, hold_id, "is unknown")
            return
        promise.is_settled = True
        self._require("lease found", settled.cost_nano == promise.costs_nano, settled, promise.costs_nano)

    # --- what else goes on ----------------------------------------------------------------------------------------

    def _time_passes(self) -> None:
        self._loop.run_for(self._chance.choice((0.004, 0.02, 0.3, 1.5, 4.5)))
        self._note("it is", self._loop.time())

    def _sweep(self) -> None:
        """As the control process does."""
        now = self._site.now_unix_nano()
        while expired := self._books.expire(now, 500):
            self._note("expired:", [(each.hold_id, each.cost_nano) for each in expired])

    def _a_processor_dies(self) -> None:
        at = self._chance.randrange(len(self._processors))
        self._note(self._name(self._processors[at]), "dies")
        self._processors[at].die()
        self._dead.append(self._processors[at])
        self._processors[at] = self._started()

    def _the_ledger_comes_or_goes(self) -> None:
        self._site.is_ledger_away = not self._site.is_ledger_away
        self._note("the ledger is away:", self._site.is_ledger_away)

    def _redis_comes_or_goes(self) -> None:
        self._site.is_redis_away = self._chance.random() < 0.3
        if self._site.redis is not None and self._chance.random() < 0.5:
            self._site.redis.forget()
        self._note("redis has forgotten, or is away:", self._site.is_redis_away)

    def _all_stall(self) -> None:
        """And whoever sweeps is often the first to go on."""
        self._site.stalled_nano += self._chance.choice((10, 50, 70)) * NANO
        self._note("all stall")
        if self._chance.random() < 0.5:
            self._sweep()

    def _end(self) -> None:
        """All is there again, all requests end, nobody asks any more: leases come back, and time closes the rest."""
        self._site.is_ledger_away = self._site.is_redis_away = False
        self._site.loses_answers = 0
        self._loop.run_for(2.5)
        for hold_id, promise in self._promises.items():
            if not promise.is_settled:
                self._loop.run(self._settle(self._chance.choice(self._processors), hold_id))
        self._loop.run_for(REST_SECONDS)
        self._check()
        kept = {row[0] for row in self._books.rows(OPEN_LEASES)}
        if self._site.redis is None:
            kept -= {lease for lease in kept if not any(lease in each.leases for each in self._processors)}
        if self._is_calm or self._site.redis is None:
            self._require("lease returned", not kept, kept)
        if self._is_calm:
            spent = self._books.rows(SPENT_LEASES)
            self._require("lease unspent", not spent, spent)
            self._ask_for_the_rest()
        self._site.stalled_nano += (TTL_SECONDS + 1) * NANO
        self._sweep()
        held = [row for row in self._books.rows(ACCOUNTS) if row[1]]
        self._require("lease end", not held and not self._books.rows(HELD_PLACES)[0][0], held)
        self._check()

    def _ask_for_the_rest(self) -> None:
        accounts, used = ("team", self._chance.choice(PEOPLE)), self._used_nano()
        room_nano = min(self._limits[key] - used.get(key, 0) for key in accounts)
        rest = self._reservation(room_nano, accounts)
        self._loop.run(self._request(self._chance.choice(self._processors), rest))
        self._require("lease room", rest.id in self._promises or bool(rest.quotas), room_nano, "was refused")

    # --- what must be true ----------------------------------------------------------------------------------------

    def _used_nano(self) -> dict[str, int]:
        return {key: held + posted for key, held, posted in self._books.rows(ACCOUNTS)}

    def _check(self) -> None:
        accounts = {key: (held, posted) for key, held, posted in self._books.rows(ACCOUNTS)}
        sums = {key: (held, posted) for key, held, posted in self._books.rows(SUMS)}
        nothing = dict.fromkeys(accounts, (0, 0))
        self._require("lease sums", accounts == nothing | sums, accounts, "instead of", sums)
        for key, (held, posted) in accounts.items():
            promised = sum(each.costs_nano for each in self._promises.values() if key in each.accounts)
            self._require("lease limit", key == HOUSE or held + posted <= self._limits[key], key, held, posted)
            self._require("lease covered", promised <= held + posted, key, promised, "of", held, posted)
        ((open_places,),), ((held_places,),) = self._books.rows(OPEN_PLACES), self._books.rows(HELD_PLACES)
        self._require("lease quotas", open_places == held_places, open_places, "instead of", held_places)
        self._require("lease drawn", not self._site.lost_draws, self._site.lost_draws)
        if self._failed:
            raise ViolationError(self._seed, self._failed, self.log())

    def _require(self, name: str, is_so: bool, *found: object) -> None:
        if not is_so:
            self._failed.append((name, " ".join(map(str, found))))

    def log(self) -> list[str]:
        """The steps taken so far."""
        return [" ".join(map(str, step)) for step in self._steps]

    def _note(self, *step: object) -> None:
        self._steps.append(step)  # nearly always for nothing: not put into words yet

    def _name(self, processor: Processor) -> str:
        return f"p{self._processors.index(processor)}" if processor in self._processors else "a dead one"
