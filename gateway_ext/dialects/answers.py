"""Whole answers in any dialect the gateway speaks: which texts they carry, and how to change those."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway_ext.dialects.answer_texts import logprobs_pointer, read_texts
from gateway_ext.dialects.request_edits import Draft, replace_spans, spans_by_string
from gateway_ext.dialects.request_texts import Pointer
from gateway_ext.dialects.strict_json import encode, parse_object
from gateway_ext.errors import BodyInvalid, GatewayError
from gateway_ext.exchange import Text
from gateway_ext.verdict import Edit


class AnswerMalformed(GatewayError):  # noqa: N818  (named as the errors of errors.py are)
    """A provider's answer is not JSON that every parser reads alike, so what was inspected may not be what is read."""


def read_answer(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`. Raises AnswerMalformed for all else, as strict_json.py tells them apart."""
    try:
        return parse_object(body)
    except BodyInvalid:
        raise AnswerMalformed("the provider's answer is not one strict JSON object") from None


def response_id(body: bytes) -> str:
    """By which the next request may name this answer of the responses endpoint; "" without any."""
    try:
        name = read_answer(body).get("id")
    except AnswerMalformed:
        return ""
    return name if isinstance(name, str) else ""


def answer_texts(document: dict[str, Any]) -> tuple[Text, ...]:
    """The texts of an answer, or of an error, of chat completions, completions, responses or messages.

    All strings that may carry output or echo the request, in a stable order, and the strings inside them; not among
    them are identifiers, encoded bytes and words of the protocol, as answer_schema.py lists them.
    Raises AnswerMalformed past the limits.
    """
    try:
        whole, _ = read_texts(document)
    except BodyInvalid:
        raise AnswerMalformed("the provider's answer has more texts than the gateway reads") from None
    return whole


def edit_answer(body: bytes, document: Mapping[str, Any], texts: Sequence[Text], edits: Sequence[Edit]) -> bytes:
    """`body` with `edits` applied to `texts`; without edits the same bytes.

    `document` and `texts` are what read_answer and answer_texts made of `body`. Token probabilities that repeat an edited
    text are dropped. Raises ValueError for an edit of a key, which cannot be redacted in place, or outside its text.
    """
    if not edits:
        return body
    draft = Draft(document)
    edit_texts(draft, texts, edits)
    return encode(draft.document)


def edit_texts(draft: Draft, texts: Sequence[Text], edits: Sequence[Edit]) -> None:
    """Apply `edits` to the draft of the document that `texts` was read from, as edit_answer does."""
    in_strings: list[Edit] = []
    for edit in edits:
        logprobs = logprobs_pointer(texts[edit.text_index].pointer)
        if logprobs is None:
            in_strings.append(edit)
        else:
            _drop(draft, logprobs)
    for pointer, spans in spans_by_string(texts, in_strings).items():
        replace_text(draft, pointer, replace_spans(draft.get(pointer), spans))


def replace_text(draft: Draft, pointer: Pointer, value: str) -> None:
    """Put `value` at `pointer` and drop the token probabilities beside the way, or those that the text was read from."""
    logprobs = logprobs_pointer(pointer)
    if logprobs is not None:
        _drop(draft, logprobs)
        return
    draft.put(pointer, value)
    for depth in range(len(pointer)):
        container = draft.get(pointer[:depth])
        if isinstance(container, dict) and container.get("logprobs"):
            _drop(draft, (*pointer[:depth], "logprobs"))


def _drop(draft: Draft, pointer: Pointer) -> None:
    """Empty the token probabilities: null, or a list without any where the protocol has a list."""
    draft.put(pointer, [] if isinstance(draft.get(pointer), list) else None)
