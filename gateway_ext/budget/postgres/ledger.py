"""The ledger port on PostgreSQL: one round trip to reserve, four for a whole batch of settlements."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import astuple, replace
from typing import Any, Protocol, TypeVar

import asyncpg

from gateway_ext.budget.closing import StoredHold, closed
from gateway_ext.budget.leases.rules import Draw
from gateway_ext.budget.postgres import quotas
from gateway_ext.budget.postgres import statements as sql
from gateway_ext.budget.postgres.reachability import Reachability
from gateway_ext.budget.postgres.url import checked
from gateway_ext.budget.reserve import exhausted
from gateway_ext.budget.rules import AccountLine, Reservation, Settled, Settlement, TopUp
from gateway_ext.budget.settle import AMOUNT_NANO_MAX, EXPIRED, HELD, POSTED, TOP_UP_NANO_MAX, VOID, Closing
from gateway_ext.budget.stored import (
    PAYER_COLUMNS,
    decode_prices,
    encode_prices,
    payer_row,
    quotas_to_json,
    usage_from_json,
    usage_to_json,
)
from gateway_ext.errors import ConfigurationError, InternalFailure, LedgerUnavailable
from gateway_ext.exchange import Hold, Usage
from gateway_ext.limits import NANO

ANSWER_SECONDS = 2.0  # below STEP_DEADLINE_SECONDS: a request gets its 503 from us, not a cut stream
CONNECTIONS_MAX = 8  # of one processor
SETTLED_AT_ONCE = 64
DEADLOCK_ATTEMPTS = 3
NO_ROOM, NO_QUOTA = "GX001", "GX002"
INTEGER_MAX = 2**63 - 1

Result = TypeVar("Result")


class WallClock(Protocol):
    def now_unix_nano(self) -> int: ...


class PostgresLedger:
    """Implements ports.Ledger, whose docstrings are the contract.

    All calls but `open` raise LedgerUnavailable when the server does not answer within ANSWER_SECONDS. Should a commit be
    reported as failed although it was kept, repeating the call is safe, and a hold nobody knows of expires. A cancelled
    reservation is still carried out: its hold expires unless it is voided, and a void after it is done after it.
    """

    def __init__(self, url: str, clock: WallClock, *, schema: str = "gateway") -> None:
        """Raises ConfigurationError for an address that cannot be used."""
        self._url = checked(url)
        self._clock = clock
        self._schema = schema
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._reserving: dict[str, asyncio.Task[Hold]] = {}
        self._server = Reachability()

    async def open(self) -> None:
        """Raises ConfigurationError when there is no such server, or its tables are not of this version."""
        try:
            self._pool = await asyncpg.create_pool(
                self._url,
                min_size=1,
                max_size=CONNECTIONS_MAX,
                timeout=ANSWER_SECONDS,
                command_timeout=ANSWER_SECONDS,
                connection_class=_Session,
                server_settings={"search_path": self._schema, "application_name": "gateway-ext", "jit": "off"},
            )
            found = await self._pool.fetchval(sql.SELECT_VERSION)
        except asyncpg.UndefinedTableError:
            found = None
        except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            await self.close()
            # The text of such an error may hold the address, never the password.
            raise ConfigurationError(
                f"the ledger's PostgreSQL cannot be used ({type(error).__name__}); check ledger_url, the server and its logs"
            ) from None
        if found != sql.SCHEMA_VERSION:
            await self.close()
            raise ConfigurationError(
                f"the ledger's tables are of version {found or 'none'}, this program needs {sql.SCHEMA_VERSION}; run"
                " 'gateway-ext ledger migrate'"
            )

    async def close(self) -> None:
        if self._reserving:
            await asyncio.wait(list(self._reserving.values()))
        if self._pool is not None:
            self._pool.terminate()  # nothing of ours is under way: what was asked has been answered, or has failed
            self._pool = None

    async def reserve(self, reservation: Reservation) -> Hold:
        if not reservation.lines or not reservation.prices or reservation.amount_nano < 0:
            raise InternalFailure
        if reservation.amount_nano > AMOUNT_NANO_MAX:
            raise exhausted(reservation.lines[0])
        task = asyncio.get_running_loop().create_task(self._reserve(reservation), name="reserve")
        self._reserving[reservation.id] = task
        task.add_done_callback(lambda done: self._forget(reservation.id, done))
        return await asyncio.shield(task)

    def _forget(self, hold_id: str, done: asyncio.Task[Hold]) -> None:
        if self._reserving.get(hold_id) is done:
            del self._reserving[hold_id]
        if not done.cancelled():
            done.exception()  # seen, should nobody wait for it any more

    async def _reserve(self, reservation: Reservation) -> Hold:
        try:
            held = await self._run(
                lambda session: session.fetchrow(sql.RESERVE, *_row(reservation)), is_one_statement=True
            )
        except asyncpg.PostgresError as error:
            if error.sqlstate in {NO_ROOM, NO_QUOTA}:
                self._note_answer()
            if error.sqlstate == NO_ROOM:
                # The message is the line's place, the detail what is left and of which rule (ledger_1.sql).
                room_nano, _, rule = (error.detail or "0").partition(" ")
                raise exhausted(reservation.lines[int(error.args[0])], (int(room_nano), rule)) from None
            if error.sqlstate == NO_QUOTA:
                raise quotas.refused(reservation, error.detail) from None
            raise self._unavailable(error) from error
        assert held is not None
        told = quotas.told(reservation, held["quota_states"])
        return Hold(reservation.id, held["held"], held["held_currency"], tuple(held["over"]), told)

    async def post(
        self, hold_id: str, usage: Usage | None, cluster: str, settled_by: str, flags: tuple[str, ...] = ()
    ) -> Settled | None:
        return (await self._close([(hold_id, Closing(POSTED, usage, cluster, settled_by, flags))]))[0]

    async def void(self, hold_id: str, settled_by: str, flags: tuple[str, ...] = ()) -> Settled | None:
        return (await self._close([(hold_id, Closing(VOID, None, "", settled_by, flags))]))[0]

    async def settle_all(self, settlements: Sequence[Settlement]) -> list[Settled | None]:
        settled: list[Settled | None] = []
        for start in range(0, len(settlements), SETTLED_AT_ONCE):
            batch = settlements[start : start + SETTLED_AT_ONCE]
            settled += await self._close([(each.hold_id, _closing(each)) for each in batch])
        return settled

    async def expire(self, now_unix_nano: int, limit: int = 500) -> list[Settled]:
        async def expire(connection: Any) -> list[Settled]:
            ids = [row["id"] for row in await connection.fetch(sql.SELECT_EXPIRED, now_unix_nano, limit)]
            closing = Closing(EXPIRED, None, "", "expiry", ())
            settled = await self._close_within(connection, [(each, closing) for each in ids])
            return [one for one in settled if one is not None]

        return await self._answered(lambda: self._run(expire))

    async def prune(self, now_unix_nano: int) -> int:
        async def prune(connection: Any) -> int:
            return int(await connection.fetchval(sql.PRUNE_QUOTAS, now_unix_nano))

        return await self._answered(lambda: self._run(prune))

    async def top_up(self, top_up: TopUp) -> None:
        if not 0 < top_up.amount_nano <= TOP_UP_NANO_MAX:
            raise InternalFailure
        await self._answered(
            lambda: self._run(lambda connection: connection.execute(sql.INSERT_TOP_UP, *astuple(top_up)))
        )

    async def end_top_up(self, top_up_id: str, now_unix_nano: int) -> bool:
        async def end(connection: Any) -> bool:
            return bool(await connection.fetchval(sql.END_TOP_UP, now_unix_nano, top_up_id))

        return await self._answered(lambda: self._run(end))

    async def draw(self, draws: Sequence[Draw]) -> frozenset[str]:
        """As leases.ledger.LedgerOfRecord says."""
        rows = [_row(replace(drawn.reservation, lines=(), quotas=())) for drawn in draws]
        ids = [drawn.lease_id for drawn in draws], [drawn.reservation.id for drawn in draws]

        async def draw(connection: Any) -> frozenset[str]:
            await connection.executemany(sql.RESERVE, rows)  # on no account: that is what `draw` gives them
            return frozenset(await connection.fetchval(sql.DRAW, *ids))

        return await self._answered(lambda: self._run(draw))

    # --- settling -----------------------------------------------------------------------------------------------

    async def _close(self, statements: Sequence[tuple[str, Closing]]) -> list[Settled | None]:
        under_way = [task for hold_id, _ in statements if (task := self._reserving.get(hold_id)) is not None]
        if under_way:
            await asyncio.wait(under_way)
        return await self._answered(lambda: self._run(lambda connection: self._close_within(connection, statements)))

    async def _close_within(self, connection: Any, statements: Sequence[tuple[str, Closing]]) -> list[Settled | None]:
        """Within a transaction. Several statements about one hold count in their order."""
        rows = await connection.fetch(sql.SELECT_HOLDS, [hold_id for hold_id, _ in statements])
        holds = {row["id"]: _stored(row) for row in rows}
        taken = {row["id"]: row["quotas"] for row in rows}
        settled: list[Settled | None] = []
        changed: dict[str, Settled] = {}
        quotas_of: dict[str, list[dict[str, Any]]] = {}  # at the first settlement only
        for hold_id, closing in statements:
            hold = holds.get(hold_id)
            if hold is None:
                settled.append(None)
                continue
            one = closed(hold, closing)
            settled.append(one)
            if one.is_first:
                if hold.state == HELD:
                    quotas_of[hold_id] = quotas.settled_of(taken[hold_id], one)
                changed[hold_id] = one
                holds[hold_id] = _as_settled(hold, one)
        if changed:
            closings = json.dumps(
                [_written(one) | {"quotas": quotas_of.get(hold_id, [])} for hold_id, one in changed.items()]
            )
            await connection.execute(sql.CLOSE_HOLDS, closings, self._clock.now_unix_nano())
        return settled

    # --- the server ---------------------------------------------------------------------------------------------

    async def _run(self, work: Callable[[Any], Awaitable[Result]], *, is_one_statement: bool = False) -> Result:
        """`work` in a transaction of its own; again when it met another one in a circle. Raises what asyncpg raises.

        One statement is a transaction by itself: beginning and ending one would make it three round trips under its locks.
        """
        for attempt in range(1, DEADLOCK_ATTEMPTS + 1):
            try:
                async with self._session() as session:
                    if is_one_statement:
                        return await work(session)
                    async with session.transaction():
                        return await work(session)
            except asyncpg.DeadlockDetectedError:
                if attempt == DEADLOCK_ATTEMPTS:
                    raise
        raise AssertionError("unreachable")

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Any]:
        if self._pool is None:
            raise LedgerUnavailable(retry_after_seconds=1)
        try:
            async with self._pool.acquire(timeout=ANSWER_SECONDS) as session:
                yield session
        except (OSError, TimeoutError, asyncpg.InterfaceError) as error:
            raise self._unavailable(error) from error
        else:
            self._note_answer()

    async def _answered(self, work: Callable[[], Awaitable[Result]]) -> Result:
        try:
            return await work()
        except asyncpg.PostgresError as error:
            raise self._unavailable(error) from error

    def _note_answer(self) -> None:
        self._server.answered(asyncio.get_running_loop().time())

    def _unavailable(self, error: BaseException) -> LedgerUnavailable:
        self._server.failed(error, asyncio.get_running_loop().time())
        unavailable = LedgerUnavailable(retry_after_seconds=1)
        unavailable.__cause__ = error
        return unavailable


class _Session(asyncpg.Connection):
    """Nothing of ours outlives a transaction, so there is nothing to reset, which would be one more round trip each time."""

    def get_reset_query(self) -> str:
        return ""


def _row(reservation: Reservation) -> tuple[str | int, ...]:
    """The parameters of sql.RESERVE."""
    estimate = reservation.estimate
    return (
        reservation.id,
        reservation.amount_nano,
        reservation.currency,
        json.dumps([_line(line, reservation.created_unix_nano) for line in reservation.lines]),
        encode_prices(reservation.prices),
        json.dumps(dict(zip(PAYER_COLUMNS, payer_row(reservation.payer), strict=True))),
        reservation.model,
        min(estimate.input_tokens, INTEGER_MAX),
        min(estimate.output_tokens, INTEGER_MAX),
        reservation.created_unix_nano,
        reservation.expires_unix_nano,
        json.dumps(quotas.asked(reservation.quotas)),
        json.dumps(quotas_to_json(reservation.quotas)),
    )


def _line(line: AccountLine, now_unix_nano: int) -> dict[str, Any]:
    seconds = line.resets_in_seconds
    return {
        "key": line.key,
        "rule": line.rule,
        "limit_nano": min(line.limit_nano, AMOUNT_NANO_MAX),
        "budget": line.budget,
        "is_hard": line.is_hard,
        "others": line.others,
        "before": line.before,
        "carries_max_nano": min(line.carries_max_nano, AMOUNT_NANO_MAX),
        "ends_unix_nano": None if seconds is None else (now_unix_nano // NANO + seconds) * NANO,
    }


def _stored(row: Any) -> StoredHold:
    return StoredHold(
        row["id"],
        row["state"],
        row["amount_nano"],
        row["currency"],
        decode_prices(row["prices"]),
        row["cost_nano"],
        row["cluster"],
        usage_from_json(json.loads(row["usage"]) if row["usage"] else None),
        row["settled_by"],
        tuple(row["flags"]),
    )


def _as_settled(hold: StoredHold, settled: Settled) -> StoredHold:
    return replace(
        hold,
        state=settled.state,
        cost_nano=settled.cost_nano,
        cluster=settled.cluster,
        usage=settled.usage,
        settled_by=settled.settled_by,
        flags=settled.flags,
    )


def _written(settled: Settled) -> dict[str, Any]:
    return {
        "id": settled.hold_id,
        "state": settled.state,
        "cost_nano": settled.cost_nano,
        "cluster": settled.cluster,
        "usage": usage_to_json(settled.usage),
        "settled_by": settled.settled_by,
        "flags": settled.flags,
    }


def _closing(settlement: Settlement) -> Closing:
    state = POSTED if settlement.cluster else VOID
    return Closing(state, settlement.usage, settlement.cluster, settlement.settled_by, settlement.flags)
