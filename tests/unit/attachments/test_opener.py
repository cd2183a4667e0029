from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator

import pytest

from gateway_ext.attachments.names import REMOTE, UNREADABLE
from gateway_ext.attachments.opener import Opener
from gateway_ext.errors import GuardTimedOut
from gateway_ext.exchange import Attachment, Carriage
from tests.unit.attachments.documents import pdf


def encoded(data: bytes) -> Attachment:
    return Attachment(("a",), "/a", "user", Carriage.DATA, base64.b64encode(data).decode())


@pytest.fixture
async def opener() -> AsyncIterator[Opener]:
    opened = Opener()
    yield opened
    opened.close()


async def test_the_loop_goes_on_while_a_large_file_is_read(opener: Opener) -> None:
    large = encoded(pdf("BT /F1 1 Tf " + "(word ) Tj " * 30_000 + " ET"))
    opening = asyncio.ensure_future(opener.open([large], denies_on_timeout=True, deadline_seconds=60))  # noqa: TID251  (awaited below)
    turns = 0
    while not opening.done():
        await asyncio.sleep(0)
        turns += 1
    (text, *_) = await opening
    assert text.value.count("word") == 30_000
    assert turns > 10


async def test_past_the_deadline(opener: Opener) -> None:
    with pytest.raises(GuardTimedOut):
        await opener.open([encoded(b"words")], denies_on_timeout=True, deadline_seconds=0)
    (mark,) = await opener.open([encoded(b"words")], denies_on_timeout=False, deadline_seconds=0)
    assert (mark.mark, mark.value) == (UNREADABLE, "too large; time")


async def test_what_is_elsewhere_takes_no_time(opener: Opener) -> None:
    remote = Attachment(("a",), "/a", "user", Carriage.REMOTE, "https://example.org/x")
    (mark,) = await opener.open([remote], denies_on_timeout=True, deadline_seconds=0)
    assert (mark.mark, mark.value) == (REMOTE, "example.org")
