"""The benchmark of the search at a thousandth of its size: it asks what it says, and finds something."""

from __future__ import annotations

import random
from pathlib import Path

from benchmarks.audit.search import build, measure, questions, write_segments
from gateway_ext.audit.index.cursors import Position
from gateway_ext.audit.index.sqlite_index import SqliteIndex

EXCHANGES = 500
RARE = {
    "cost, one in a thousand",
    "team, class, provider",
    "person and class",
    "what never meets",
    "two teams' models, none",
}


async def test_it_asks_what_can_be_found(tmp_path: Path) -> None:
    write_segments(tmp_path / "spool", EXCHANGES)
    index = SqliteIndex(tmp_path / "audit-index.sqlite")
    assert await build(index, tmp_path / "spool") > 0
    status = await index.status()
    assert (status.entries, status.records) == (EXCHANGES, 2 * EXCHANGES)
    assert (await measure(index, EXCHANGES, 1)).keys() == questions(EXCHANGES).keys()
    for kind, ask in questions(EXCHANGES).items():
        chance = random.Random(kind)
        answered = [len((await index.search(ask(chance), 10, Position())).entries) for _ in range(10)]
        assert any(answered) or kind in RARE, kind
