"""One history: processors ask, die, and tell ends of requests twice, late, in any order; policy and time go on meanwhile."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from gateway_ext.budget.rules import Reservation, Settled, Settlement, TopUp
from gateway_ext.errors import BudgetExhausted, RateLimited
from gateway_ext.exchange import Hold, Usage
from gateway_ext.limits import NANO
from tests.simulator.books import Books, ProcessDiedError
from tests.simulator.invariants import ViolationError, failures, rolling
from tests.simulator.model import Model
from tests.simulator.world import TTL_SECONDS, World

STEPS = 17
PROCESSORS = 2


@dataclass
class _Told:
    """What was answered about a hold's end: the first figures, then corrections."""

    answers: list[Settled] = field(default_factory=list)
    is_complete: bool = True  # no answer went astray


class History:
    """Raises ViolationError for the first step after which an invariant does not hold."""

    def __init__(self, books: Books, seed: int) -> None:
        self._books = books
        self._seed = seed
        self._chance = random.Random(seed)
        self._world = World(self._chance)
        self._model = Model()
        self._asked: dict[str, Reservation] = {}
        self._under_way: list[set[str]] = [set() for _ in range(PROCESSORS)]
        self._messages: list[Settlement] = []
        self._told: dict[str, _Told] = {}
        self._top_ups: list[TopUp] = []
        self._failed: list[tuple[str, str]] = []
        self._is_heard = False
        self._steps: list[tuple[object, ...]] = []

    def run(self) -> None:
        self._books.clear()
        self._reading = self._books.read()
        actions, weights = zip(*self._actions(), strict=True)
        for action in self._chance.choices(actions, weights, k=STEPS):
            action()
            self._check()
        self._end()

    def _actions(self) -> list[tuple[Callable[[], object], int]]:
        return [
            (self._ask, 9),
            (self._ask_again, 2),
            (self._finish, 6),
            (self._deliver, 7),
            (self._processor_dies, 1),
            (self._sweep, 2),
            (self._prune, 1),
            (self._top_up, 1),
            (self._end_top_up, 1),
            (self._change_policy, 2),
            (self._time_passes, 4),
            (self._dies_within, 2 if self._books.can_die else 0),
        ]

    # --- reserving ------------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        asked = self._world.asks()
        self._asked[asked.id] = asked
        self._reserve(asked)

    def _ask_again(self) -> None:
        """A retry, by whichever processor: of a hold, or of a refusal that may fit by now."""
        if self._asked:
            self._reserve(self._chance.choice(list(self._asked.values())))

    def _reserve(self, asked: Reservation) -> None:
        known = self._model.holds.get(asked.id)
        if known is None:
            self._grant_or_refuse(asked)
            return
        answer = self._reserved(asked)
        self._note("reserve again", answer)
        is_same = isinstance(answer, Hold) and answer.amount_nano == known.asked.amount_nano
        self._require("repeats", is_same, asked.id, answer)
        self._require("repeats", self._books.read() == self._reading, asked.id, "reserved again")

    def _reserved(self, asked: Reservation) -> Hold | BudgetExhausted | RateLimited:
        try:
            return self._books.reserve(asked)
        except (BudgetExhausted, RateLimited) as refusal:
            return refusal

    def _grant_or_refuse(self, asked: Reservation) -> None:
        without_room = self._model.without_room(asked)
        hard = [line.rule for line in without_room if line.is_hard]
        short = [line.key for line in self._model.quotas.without_room(asked)]
        answer = self._reserved(asked)
        self._note("reserve", asked.id, asked.amount_nano, asked.lines, asked.quotas, "→", answer)
        if isinstance(answer, BudgetExhausted):
            self._require("soft" if without_room else "room", bool(hard), asked.id, "was refused")
        else:
            self._require("limit", not hard, asked.id, "was granted without room in", hard)
        if isinstance(answer, RateLimited):
            self._require("quota room", bool(short), asked.id, "was refused")
            self._require("quota told", not self._model.quotas.untrue(answer.quotas, asked), answer.quotas)
        if not isinstance(answer, Hold):
            self._require("all or nothing", self._books.read() == self._reading, asked.id, "was refused")
            return
        self._require("quota", not short, asked.id, "was let through without room in", short)
        soft = sorted(line.rule for line in without_room if not line.is_hard)
        self._require("soft", sorted(answer.over) == soft, answer, "instead of", soft)
        self._model.grant(asked)
        self._require("quota told", not self._model.quotas.untrue(answer.quotas, asked), answer.quotas)
        self._failed += rolling(self._model.holds[asked.id], self._model)
        self._under_way[self._chance.randrange(PROCESSORS)].add(asked.id)

    # --- settling -------------------------------------------------------------------------------------------------

    def _finish(self) -> None:
        """A request ends; what says so may be several messages, and comes whenever it comes."""
        processor = self._chance.choice(self._under_way)
        if processor:
            hold_id = self._chance.choice(sorted(processor))
            processor.remove(hold_id)
            for _ in range(self._chance.choice((1, 1, 2, 3))):
                self._messages.append(self._statement(hold_id))

    def _statement(self, hold_id: str) -> Settlement:
        kind, amount = self._chance.randrange(6), self._model.holds[hold_id].asked.amount_nano
        tokens = self._chance.choice((0, amount // 3, amount, amount + 70))  # dearer than what was held, too
        cluster = self._chance.choice(("eu/model", "eu/model", "us/model", "unknown/model"))
        if kind == 0:
            return Settlement(hold_id, None, "", "pipeline", ("no_upstream",))
        if kind == 1:
            return Settlement(hold_id, None, cluster, "access_log")
        return Settlement(hold_id, Usage(tokens, 7, min(3, tokens), is_estimated=kind == 2), cluster, "response")

    def _deliver(self) -> None:
        if not self._messages:
            return
        at = self._chance.randrange(len(self._messages))
        said = self._messages[at]
        if self._chance.random() > 0.2:  # else it comes once more
            del self._messages[at]
        self._settle(said, is_answer_lost=self._chance.random() < 0.1)

    def _settle(self, said: Settlement, *, is_answer_lost: bool = False) -> None:
        hold = self._model.holds[said.hold_id]
        before = hold.strength
        self._model.hear(said, self._world.now_unix_nano)
        self._is_heard = True
        answer = self._books.settle(said, self._world.now_unix_nano)
        self._note("settle", said, "→", answer, "(lost)" if is_answer_lost else "")
        if hold.strength == before:
            self._require("repeats", self._books.read() == self._reading, said, "changed something")
        told = self._told.setdefault(said.hold_id, _Told())
        told.is_complete &= not is_answer_lost
        if answer is None:
            self._failed.append(("all lines", f"{said.hold_id} is unknown"))
        elif not is_answer_lost and answer.is_first:
            told.answers.append(answer)

    def _processor_dies(self) -> None:
        """Its requests end untold, or by the access log alone, which comes from Envoy."""
        processor = self._chance.choice(self._under_way)
        for hold_id in sorted(processor):
            if self._chance.random() < 0.4:
                self._messages.append(Settlement(hold_id, None, "eu/model", "access_log"))
        self._note("a processor dies with", sorted(processor))
        processor.clear()

    def _sweep(self) -> bool:
        """Whether anything was due."""
        now, most = self._world.now_unix_nano, self._chance.choice((1, 2, 500))
        due = {hold.asked.id: hold.asked.expires_unix_nano for hold in self._model.due(now)}
        settled = self._books.expire(now, most)
        self._note("expire at most", most, "→", settled)
        found = [due.get(one.hold_id, -1) for one in settled]
        self._require("expiry", found == sorted(due.values())[:most], settled, "of", due)
        for one in settled:
            self._model.expire(one.hold_id, now)
            self._told.setdefault(one.hold_id, _Told()).answers.append(one)
        return bool(settled)

    def _prune(self) -> None:
        now = self._world.now_unix_nano
        full = self._model.quotas.prune(now)
        forgotten = self._books.prune(now)
        self._note("forget", forgotten, "quotas")
        self._require("quota forgotten", forgotten == full, forgotten, "instead of", full)

    # --- what else goes on ----------------------------------------------------------------------------------------

    def _top_up(self) -> None:
        budgets = sorted({line.budget for asked in self._asked.values() for line in asked.lines})
        if not budgets:
            return
        if self._top_ups and self._chance.random() < 0.3:
            top_up = self._chance.choice(self._top_ups)
        else:
            ends = self._world.now_unix_nano + self._chance.choice((10, 5_000, 10**6)) * NANO
            top_up = TopUp(
                f"t{len(self._top_ups)}",
                self._chance.choice(budgets),
                80,
                self._world.now_unix_nano,
                ends,
                "grace",
                "why",
            )
            self._top_ups.append(top_up)
        self._books.top_up(top_up)
        self._note(top_up)
        if top_up.id in self._model.top_ups:
            self._require("repeats", self._books.read() == self._reading, top_up, "said again")
        self._model.top_ups.setdefault(top_up.id, top_up)

    def _end_top_up(self) -> None:
        if not self._top_ups:
            return
        now, top_up = self._world.now_unix_nano, self._chance.choice(self._top_ups)
        known = self._model.top_ups[top_up.id]
        was_ended = self._books.end_top_up(top_up.id, now)
        self._note("end of", top_up.id, "→", was_ended)
        self._require("repeats", was_ended == (known.ends_unix_nano > now), top_up.id, was_ended)
        self._model.top_ups[top_up.id] = replace(known, ends_unix_nano=min(known.ends_unix_nano, now))

    def _change_policy(self) -> None:
        self._note(self._world.change_policy())

    def _time_passes(self) -> None:
        self._world.passes()
        self._note("it is", self._world.now_unix_nano)

    def _dies_within(self) -> None:
        """In the middle of a transaction, after any of its statements."""
        acts: list[Callable[[], object]] = [lambda: self._books.reserve(self._world.asks())]
        if self._messages:
            acts.append(lambda: self._books.settle(self._messages[0], self._world.now_unix_nano))
        if self._model.due(self._world.now_unix_nano):
            acts.append(lambda: self._books.expire(self._world.now_unix_nano, 500))
        self._books.die_after(self._chance.randrange(8))
        with contextlib.suppress(ProcessDiedError, BudgetExhausted, RateLimited):
            self._chance.choice(acts)()
        self._note("a processor dies within a call")
        self._require("all or nothing", self._books.read() == self._reading, "a call that died left a trace")

    def _end(self) -> None:
        """Nobody asks any more: what is still held expires, and only then the last messages come."""
        self._world.now_unix_nano += (TTL_SECONDS + 1) * NANO
        while self._sweep():
            pass
        held = {key: account for key, account in self._books.read().accounts.items() if account.held_nano}
        places = {key: quota for key, quota in self._books.read().quotas.items() if quota[1]}
        self._require("nothing left", not held and not places, held, places)
        self._check()
        for said in self._messages:
            self._settle(said)
            self._check()
        self._check()

    # --- what must be true ----------------------------------------------------------------------------------------

    def _check(self) -> None:
        before, self._reading = self._reading, self._books.read()
        if before is self._reading and not self._is_heard and not self._failed:
            return  # nothing was done, nothing was said
        self._is_heard = False
        self._failed += failures(self._reading, before, self._model, self._world.now_unix_nano)
        for hold_id, told in self._told.items():
            if told.is_complete:
                self._check_told(hold_id, told.answers)
        if self._failed:
            raise ViolationError(self._seed, self._failed, self.log())

    def _check_told(self, hold_id: str, answers: list[Settled]) -> None:
        corrections = ["corrected" in answer.flags for answer in answers]
        self._require("once", corrections == [number > 0 for number in range(len(answers))], hold_id, answers)
        last, row = (answers[-1].state, answers[-1].cost_nano) if answers else None, self._reading.holds.get(hold_id)
        self._require("trail", row is not None and last == (row.state, row.cost_nano), hold_id, last, row)

    def _require(self, name: str, is_so: bool, *found: object) -> None:
        if not is_so:
            self._failed.append((name, _text(found)))

    def log(self) -> list[str]:
        """The steps taken so far."""
        return list(map(_text, self._steps))

    def _note(self, *step: object) -> None:
        self._steps.append(step)  # nearly always for nothing: not put into words yet


def _text(parts: tuple[object, ...]) -> str:
    return " ".join(map(str, parts))
