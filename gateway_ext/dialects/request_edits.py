"""Requests, rewritten: redactions, the model's name at the provider, usage in streams.

The parsed document is never changed; only the containers on the way to a change are copied.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from gateway_ext.dialects.embedded_json import Escapes, escape, may_hide_text
from gateway_ext.dialects.field_names import FieldNames, as_named
from gateway_ext.dialects.request_texts import Pointer
from gateway_ext.dialects.strict_json import encode, parse_object
from gateway_ext.dialects.unsigned_thoughts import signed_only
from gateway_ext.exchange import Endpoint, Prompt, Text
from gateway_ext.verdict import Edit

_REPORT_USAGE_ON_DEMAND = frozenset({Endpoint.CHAT_COMPLETIONS, Endpoint.COMPLETIONS})

Span = tuple[int, int, str]
"""Start, end (code points) and replacement."""


def rewrite(
    prompt: Prompt,
    *,
    model: str | None,
    include_usage: bool,
    edits: Sequence[Edit],
    fields: Mapping[str, Any] = MappingProxyType({}),
) -> bytes | None:
    """The body to forward, or None when the caller's bytes say it all already. Raises as `drafted`."""
    draft = drafted(prompt, model=model, include_usage=include_usage, edits=edits, fields=fields)
    return encode(draft.document) if draft.is_changed else None


def drafted(
    prompt: Prompt,
    *,
    model: str | None,
    include_usage: bool,
    edits: Sequence[Edit],
    fields: Mapping[str, Any] = MappingProxyType({}),
) -> Draft:
    """The request to forward, in the caller's wire format.

    `model` replaces the name of the model, `fields` those on top. `include_usage` makes a streamed (chat) completion report
    its usage. Thoughts that nobody has signed are left out. Edits are applied exactly, except in JSON inside a string, where they grow to whole escapes and overlapping ones become one.
    Raises ValueError for an edit of a key, which cannot be redacted in place, or outside its text.
    """
    draft = Draft(prompt.document)
    if edits:
        for pointer, spans in spans_by_string(prompt.texts, edits).items():
            draft.put(pointer, replace_spans(draft.get(pointer), spans))
    if model is not None and model != prompt.model:
        draft.put(("model",), model)
    for field, value in fields.items():
        draft.put((field,), value)
    if include_usage and prompt.is_stream and not prompt.asked_for_usage and prompt.endpoint in _REPORT_USAGE_ON_DEMAND:
        draft.put(("stream_options",), {**(draft.document.get("stream_options") or {}), "include_usage": True})
    if prompt.endpoint.about is Endpoint.MESSAGES and (messages := signed_only(draft.document["messages"])) is not None:
        draft.put(("messages",), messages)
    return draft


def replace_model(body: bytes, model: str, names: FieldNames = MappingProxyType({})) -> bytes:
    """`body` for another provider, which knows the model, and maybe fields, by another name.

    Raises BodyInvalid if it is no JSON object.
    """
    document = parse_object(body)
    if document.get("model") == model and document.keys().isdisjoint(names):
        return body
    return encode(as_named({**document, "model": model}, names))


class Draft:
    """A copy of a document that shares with it whatever has not been changed."""

    __slots__ = ("_copies", "document", "is_changed")

    def __init__(self, document: Any) -> None:
        self.document: dict[str, Any] = dict(document)
        self.is_changed = False
        self._copies: dict[Pointer, Any] = {}

    def get(self, pointer: Pointer) -> Any:
        value: Any = self.document
        for step in pointer:
            value = value[step]
        return value

    def put(self, pointer: Pointer, value: Any) -> None:
        container: Any = self.document
        for depth in range(1, len(pointer)):
            path = pointer[:depth]
            if path not in self._copies:
                self._copies[path] = container[path[-1]] = copy.copy(container[path[-1]])
            container = self._copies[path]
        container[pointer[-1]] = value
        self.is_changed = True


class _Strings:
    """The strings of a document by pointer. What is read of their escapes is kept, however many edits they have."""

    __slots__ = ("_escapes", "_values")

    def __init__(self, texts: Sequence[Text]) -> None:
        self._values = {text.pointer: text.value for text in texts if not text.is_key}
        self._escapes: dict[tuple[Pointer, int | None], Escapes] = {}

    def outermost(self, pointer: Pointer, span: Span) -> tuple[Pointer, Span]:
        """The string of the document that holds the string at `pointer`, and `span` as a span of it."""
        start, end, replacement = span
        if may_hide_text(self._values[pointer]):
            start, end = self._escapes_of(pointer).widen(start, end)
        while (outer := pointer[:-1]) in self._values:  # a string inside a string: the last step is its offset
            escapes = self._escapes_of(outer, int(pointer[-1]))
            start, end, replacement = escapes.position(start), escapes.position(end), escape(replacement)
            pointer = outer
        return pointer, (start, end, replacement)

    def _escapes_of(self, pointer: Pointer, offset: int | None = None) -> Escapes:
        if (pointer, offset) not in self._escapes:
            self._escapes[pointer, offset] = Escapes(self._values[pointer], offset)
        return self._escapes[pointer, offset]


def spans_by_string(texts: Sequence[Text], edits: Sequence[Edit]) -> dict[Pointer, list[Span]]:
    """The edits as spans of the strings of the document that `texts` was read from. Raises ValueError as `rewrite`."""
    spans: dict[Pointer, list[Span]] = defaultdict(list)
    strings = _Strings(texts)
    for edit in edits:
        text = texts[edit.text_index]
        if text.is_key:
            raise ValueError("an object key cannot be redacted in place")
        if not 0 <= edit.start < edit.end <= len(text.value):
            raise ValueError("an edit must cover a part of its text")
        pointer, span = strings.outermost(text.pointer, (edit.start, edit.end, edit.replacement))
        spans[pointer].append(span)
    return spans


def replace_spans(value: str, spans: list[Span]) -> str:
    """`value` with all spans replaced; where some overlap, their union by the replacement of the first."""
    pieces: list[str] = []
    done = 0
    for start, end, replacement in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start >= done:
            pieces += value[done:start], replacement
        done = max(done, end)
    return "".join((*pieces, value[done:]))
