from typing import Any

import orjson

from gateway_ext.dialects.requests import read_prompt, rewrite
from gateway_ext.dialects.unsigned_thoughts import signed_only
from gateway_ext.exchange import Endpoint

SIGNED = {"type": "thinking", "thinking": "a", "signature": "c2lnbmVk"}
UNSIGNED = {"type": "thinking", "thinking": "b", "signature": ""}
TEXT = {"type": "text", "text": "c"}
USER: dict[str, Any] = {"role": "user", "content": "d"}


def said(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def test_only_unsigned_thoughts_go() -> None:
    assert signed_only([USER, said(SIGNED, UNSIGNED, TEXT), USER]) == [USER, said(SIGNED, TEXT), USER]
    assert signed_only([USER, said(UNSIGNED), USER]) == [USER, USER]


def test_a_request_without_them_is_left_alone() -> None:
    assert signed_only([USER, said(SIGNED, TEXT), {"role": "user", "content": [TEXT, "odd"]}, {"role": "user"}]) is None


def test_they_do_not_reach_a_provider_of_the_dialect() -> None:
    def forwarded(*blocks: dict[str, Any]) -> bytes | None:
        body = orjson.dumps({"model": "m", "max_tokens": 5, "messages": [USER, said(*blocks), USER]})
        return rewrite(read_prompt(Endpoint.MESSAGES, body), model="m", include_usage=False, edits=())

    assert forwarded(SIGNED, TEXT) is None
    body = forwarded(UNSIGNED, TEXT)
    assert body is not None
    assert orjson.loads(body)["messages"] == [USER, said(TEXT), USER]
