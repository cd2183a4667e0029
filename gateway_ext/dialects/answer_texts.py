"""Every text of an answer, or of an event of a stream, that the Guard must see."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from gateway_ext.dialects.answer_schema import ANSWER_KEYS, FORMS, FREE_KEYS
from gateway_ext.dialects.request_texts import Pointer, TextCollector
from gateway_ext.exchange import Text

ANSWER_ROLE = "assistant"
_CONTAINERS = frozenset({dict, list})
_READABLE = frozenset({str, dict, list})
_TOKENS = frozenset({"token", "tokens"})


class _Container(NamedTuple):
    """An object or list, still to be read."""

    pointer: Pointer
    place: str
    value: Any
    is_free: bool  # the model or the caller chose what is in it
    is_growing: bool


def read_texts(document: dict[str, Any], roots: Collection[Pointer] = ()) -> tuple[tuple[Text, ...], list[Text]]:
    """The texts of `document`: whole ones, and those at or below `roots`, which are pieces of texts that grow.

    Whole texts are followed by the strings inside them, as request_texts.texts_of has it; pieces are not. Of token
    probabilities, which repeat the output, `(…, "logprobs", "tokens")` is a text of all tokens joined and
    `(…, "logprobs", "others")` one of the alternatives, a line each; the document holds no string at these pointers.
    Raises BodyInvalid past the limits.
    """
    reader = _AnswerReader(roots)
    pending = [_Container((), "", document, is_free=False, is_growing=False)]
    while pending:
        container = pending.pop()
        members = container.value.items() if type(container.value) is dict else enumerate(container.value)
        pending += reversed([below for key, value in members if (below := reader.read(container, key, value))])
    return tuple(reader.texts), reader.pieces


def logprobs_pointer(pointer: Pointer) -> Pointer | None:
    """Where the token probabilities are that the text at `pointer` was read from; None when it was not."""
    if "logprobs" not in pointer[:-1]:
        return None
    return pointer[: pointer.index("logprobs") + 1]


class _AnswerReader(TextCollector):
    """Reading a member returns the container that it is, still to be read."""

    __slots__ = ("_roots", "pieces")

    def __init__(self, roots: Collection[Pointer]) -> None:
        super().__init__()
        self.pieces: list[Text] = []
        self._roots = roots

    def read(self, within: _Container, key: str | int, value: Any) -> _Container | None:
        is_text = type(value) is str
        is_known = type(key) is int or key in ANSWER_KEYS
        if is_known and (not value or type(value) not in _READABLE):
            return None
        if is_text and is_known and not within.is_free and key in FORMS and FORMS[key].fullmatch(value):
            return None
        pointer = (*within.pointer, key)
        place = f"{within.place}/{key if is_known else '*'}"
        if not is_known:
            self.add(Text(pointer, place, ANSWER_ROLE, str(key), is_key=True))
        is_growing = within.is_growing or pointer in self._roots
        if is_text and value:
            text = Text(pointer, place, ANSWER_ROLE, value)
            self.pieces.append(text) if is_growing else self.add_with_embedded(text)
        if type(value) not in _CONTAINERS or not value:
            return None
        if key == "logprobs":
            self._add_logprobs(pointer, place, value, is_growing=is_growing)
            return None
        if type(value) is list and _READABLE.isdisjoint(map(type, value)):  # embeddings come by the thousand numbers
            return None
        is_free = within.is_free or not is_known or key in FREE_KEYS
        return _Container(pointer, place, value, is_free, is_growing)

    def _add_logprobs(self, pointer: Pointer, place: str, value: Any, *, is_growing: bool) -> None:
        tokens: list[str] = []
        others: list[str] = []
        for string, is_token in _strings_of_logprobs(value):
            (tokens if is_token else others).append(string)
        if tokens:
            text = Text((*pointer, "tokens"), place, ANSWER_ROLE, "".join(tokens))
            self.pieces.append(text) if is_growing else self.add(text)
        if others:
            self.add(Text((*pointer, "others"), place, ANSWER_ROLE, "\n".join(others)))


def _strings_of_logprobs(value: Any) -> Iterator[tuple[str, bool]]:
    """(string, whether it is a token of the output) in order. Unknown keys are strings, too: some are tokens."""
    pending: list[tuple[Any, bool, bool]] = [(value, False, False)]
    while pending:
        part, is_token, is_alternative = pending.pop()
        if type(part) is str:
            yield part, is_token and not is_alternative
        elif type(part) is dict:
            for key in part:
                if key not in ANSWER_KEYS:
                    yield key, False
            pending += [
                (child, key in _TOKENS, is_alternative or key not in ANSWER_KEYS or key == "top_logprobs")
                for key, child in reversed(part.items())
            ]
        elif type(part) is list:
            pending += [(child, is_token, is_alternative) for child in reversed(part)]
