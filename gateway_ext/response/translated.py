"""Answers that come in another wire format than the caller's: translated when everything else has been done with them."""

from __future__ import annotations

from gateway_ext.dialects.answers import AnswerMalformed
from gateway_ext.dialects.translation.contract import StreamTranslator
from gateway_ext.dialects.translation.translate import Translation
from gateway_ext.errors import AnswerUninspected
from gateway_ext.exchange import Usage
from gateway_ext.response.duty import Inspected, Withheld
from gateway_ext.response.stream import ReadStream


class TranslatedStream:
    """`inner` in the caller's wire format. What is metered, inspected and counted is what the provider said."""

    response_id = ""  # a translated answer cannot be named by the next request: its provider keeps none

    def __init__(self, inner: ReadStream, translator: StreamTranslator) -> None:
        self._inner = inner
        self._translator = translator

    @property
    def total_bytes(self) -> int:
        return self._inner.total_bytes

    @property
    def usage(self) -> Usage | None:
        return self._inner.usage

    @property
    def seen_tokens(self) -> int:
        return self._inner.seen_tokens

    @property
    def saw_end(self) -> bool:
        return self._inner.saw_end

    @property
    def output_events(self) -> int:
        return self._inner.output_events

    @property
    def next_sequence_number(self) -> int:
        return self._translator.next_sequence_number

    @property
    def inspected(self) -> Inspected | None:
        return self._inner.inspected

    async def feed(self, chunk: bytes) -> bytes:
        return self._translator.feed(await self._inner.feed(chunk))

    async def finish(self) -> bytes:
        rest = self._translator.feed(await self._inner.finish())
        return rest + self._translator.finish()

    def pop(self) -> bytes:
        return self._translator.feed(self._inner.pop())


def translated_whole(body: bytes, http_status: int, translation: Translation) -> bytes:
    """A provider's JSON answer or error for the caller. Raises Withheld for what cannot be read."""
    try:
        return translation.answer(body, http_status)
    except AnswerMalformed:
        raise Withheld(AnswerUninspected()) from None
