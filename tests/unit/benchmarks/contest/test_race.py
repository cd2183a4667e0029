"""A whole run, small: nobody between, somebody who cannot start, and somebody who refuses everything."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.contest import race, runner
from benchmarks.contest.cases import CASES, CHAT
from benchmarks.contest.field import ENTRANTS, Entrant, chosen
from benchmarks.contest.progress import Progress
from benchmarks.contest.race import Plan
from benchmarks.contest.results import DIRECT, DIRECT_LOAD, SATURATION
from benchmarks.contestants.contestant import Contestant, DidNotStart
from benchmarks.contestants.floors import direct


class Absent(contextlib.nullcontext[Contestant]):
    """Cannot start."""

    def __enter__(self) -> Contestant:
        raise DidNotStart("not here")


def absent(name: str, root: Path, upstream: int) -> contextlib.AbstractContextManager[Contestant]:
    return Absent(Contestant(name, upstream, "", {}, ()))


@contextlib.contextmanager
def once(name: str, root: Path, upstream: int) -> Iterator[Contestant]:
    """Answers one request, then refuses all."""
    answered = False

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal answered
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r\n")[0]))
                writer.write(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % (503 if answered else 200))
                answered = True
        writer.close()

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield Contestant(name, server.sockets[0].getsockname()[1], "", {}, ())
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    server.close()
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()


def test_a_small_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "REST_SECONDS", 0.01)
    monkeypatch.setattr(runner, "SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(race, "WARM_UP_SECONDS", 0.05)
    entrants = [
        Entrant("direct", DIRECT, direct),
        Entrant("absent", "Absent", absent, is_peer=True),
        Entrant("again", "Again", direct, is_ours=True),
        Entrant("once", "Once", once),
        Entrant("other", "In other cases", direct, takes=lambda case: False),
    ]
    plan = Plan(seconds=0.1, rounds=2, shares=(0.25, 0.5), rate=50)
    ((profiles, rows),) = race.run(entrants, [CHAT], plan, tmp_path, Progress(1.0))
    assert {each.name: each.reason for each in profiles if each.reason} == {"Absent": "not here"}
    assert len(profiles) == len(entrants)
    loads = {(row.contestant, row.load) for row in rows}
    again = {("Again", load) for load in (SATURATION, "25%", "50%", "50/s")}
    assert loads == {(DIRECT, DIRECT_LOAD), ("Once", SATURATION)} | again
    by_load = {row.load: row for row in rows if row.contestant == "Again"}
    assert by_load["50%"].offered_per_second == pytest.approx(2 * by_load["25%"].offered_per_second)
    assert by_load["50/s"].requests == 2 * 5, "in each of two rounds"
    (refused,) = (row for row in rows if row.contestant == "Once")
    assert "× 503" in refused.reason


def test_all_of_it_is_bounded_and_everybody_is_asked() -> None:
    assert Plan().estimated_seconds(ENTRANTS, CASES) < 35 * 60, "that leaves time for starts, the record and growth"
    for each in ENTRANTS:
        assert any(map(each.takes, CASES)), each.key
    by_case = {case.name: {each.key for each in ENTRANTS if each.takes(case)} for case in CASES}
    assert "direct" not in by_case["blocked"], "nobody between refuses nothing"
    assert {"envoy", "ours", "inspecting", "redacting", "litellm", "portkey", "mlflow"} <= by_case["streams-500"]


def test_names_of_the_command_line() -> None:
    entrants, cases = chosen(frozenset({"ours", "envoy"}), frozenset({"chat"}))
    assert [each.key for each in entrants] == ["envoy", "ours"], "in the order of the field"
    assert cases == [CHAT]
    with pytest.raises(KeyError, match="nobody"):
        chosen(frozenset({"nobody"}), frozenset())
    assert len({each.key for each in ENTRANTS}) == len({each.name for each in ENTRANTS}) == len(ENTRANTS)
