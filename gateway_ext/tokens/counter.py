"""Requests are counted in a thread, and only when it matters: counting takes longer than an event loop may be held up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from gateway_ext import limits
from gateway_ext.clock import SystemClock
from gateway_ext.exchange import Prompt
from gateway_ext.tokens.counting import CountingLate
from gateway_ext.tokens.prompts import InputTokens, input_tokens, likely_tokens, message_tokens
from gateway_ext.tokens.vocabularies import encoding

_Counted = TypeVar("_Counted")


class Counter:
    """One per process. Its thread is started when the first request has to be counted."""

    def __init__(self, monotonic_ns: Callable[[], int] | None = None) -> None:
        self._monotonic_ns = monotonic_ns or SystemClock().monotonic_ns
        self._threads = ThreadPoolExecutor(limits.TOKEN_THREADS, thread_name_prefix="tokens")

    async def count(self, prompt: Prompt, vocabulary: str) -> InputTokens | None:
        """The input tokens of a request. None when they cannot be known: no vocabulary, too long, not in time."""
        if not vocabulary or prompt.body_bytes > limits.TOKEN_COUNTED_BYTES_MAX:
            return None
        return await self._in_thread(partial(input_tokens, prompt, vocabulary))

    async def count_messages(self, prompt: Prompt, field: str, vocabulary: str) -> list[int] | None:
        """The input tokens of each message in `field`, as far as they are in `count`. None as there."""
        if not vocabulary or prompt.body_bytes > limits.TOKEN_COUNTED_BYTES_MAX:
            return None
        return await self._in_thread(partial(message_tokens, prompt, field, vocabulary))

    async def likely(self, prompt: Prompt, vocabulary: str) -> int:
        """What to tell a caller who asks: the texts counted where `count` can, else all of it guessed."""
        counted = None
        if vocabulary and prompt.body_bytes <= limits.TOKEN_COUNTED_BYTES_MAX:
            counted = await self._in_thread(partial(likely_tokens, prompt, vocabulary))
        return likely_tokens(prompt, "") if counted is None else counted

    async def _in_thread(self, count: Callable[[Callable[[], bool]], _Counted]) -> _Counted | None:
        until_ns = self._monotonic_ns() + int(limits.TOKEN_DEADLINE_SECONDS * limits.NANO)
        counting = asyncio.get_running_loop().run_in_executor(
            self._threads, count, lambda: self._monotonic_ns() >= until_ns
        )
        try:
            return await asyncio.wait_for(counting, limits.TOKEN_DEADLINE_SECONDS)
        except (TimeoutError, CountingLate):  # the thread ends by itself at the next piece of a text
            return None

    def close(self) -> None:
        """Let what runs come to its end and release the thread."""
        self._threads.shutdown(cancel_futures=True)


def read_vocabularies(names: Iterable[str]) -> None:
    """Read them now: two seconds each, which no request should wait for. Raises ConfigurationError."""
    for name in filter(None, set(names)):
        encoding(name)
