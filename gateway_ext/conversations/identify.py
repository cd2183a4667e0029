"""Which conversation a request belongs to: keys by which it is known again, and which nobody else can come by. Pure.

A conversation is known by the ids that requests name it by, and by its steps: that one message follows another. Clients
send the whole history again, leave out its beginning or have an answer made anew, and nearly always repeat a step of the
turn before. System prompts are no part of steps: clients write the time into them.

A key is a keyed hash over the caller and one of these, so that an id that somebody else uses is another key.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any, TypeGuard

from gateway_ext.exchange import Endpoint, Principal, Prompt
from gateway_ext.limits import CONVERSATION_ID_CHARACTERS_MAX, CONVERSATION_STEPS_MAX

KEY_BYTES = 16
_FIELD_OF = {Endpoint.CHAT_COMPLETIONS: "messages", Endpoint.MESSAGES: "messages", Endpoint.RESPONSES: "input"}
_FIELDS = frozenset(_FIELD_OF.values())
_OPERATORS = frozenset({"system", "developer"})
_NAMING, _SPOKEN, _FOLLOWING = b"name", b"message", b"step"  # what is hashed: BLAKE2b's personalization
_SESSION = "_session_"  # in the user_id of coding agents, which have no other id of a conversation
_ENDS_CHARACTERS = 256  # of an attachment, which may have megabytes: enough to tell two apart, with its length

Pointer = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Conversation:
    """What is known of the conversation that a request belongs to.

    `names` are the keys of the ids it has for good, `steps` those of its last steps in order, `spoken` the position in the
    request of the message that each of them leads to. `is_whole`: the request has no message before these.
    `is_kept_elsewhere`: it goes on with what a provider keeps, under the ids whose keys are `kept_as`. `anchor`: the same in
    all of its requests, as far as one can tell; else empty.
    """

    names: tuple[bytes, ...]
    steps: tuple[bytes, ...]
    spoken: tuple[int, ...]
    is_whole: bool
    kept_as: tuple[bytes, ...]
    is_kept_elsewhere: bool
    anchor: bytes
    _caller_key: bytes = field(repr=False)

    @property
    def keys(self) -> tuple[bytes, ...]:
        """All by which it may be known already."""
        return tuple(dict.fromkeys((*self.kept_as, *self.names, *self.steps)))

    def to_remember(self, places: Iterable[Pointer], known: Collection[bytes]) -> tuple[bytes, ...]:
        """The keys by which it is to be known from now on, when something was found at `places` or some keys are `known`.

        The steps from the first of these on, and the last one always. Those before may be an application's examples, the
        same in each of its conversations: remembered, they would make all of them one.
        """
        begins = [position for position, step in enumerate(self.steps) if step in known]
        begins += (self._step_to(place) for place in places)
        return (*self.names, *self.steps[min(begins, default=-1) :])

    def answer(self, response_id: str) -> bytes:
        """The key by which the next request names the answer to this one (`previous_response_id`)."""
        return _named(self._caller_key, "response", response_id)

    def _step_to(self, place: Pointer) -> int:
        """The step to the message at `place`: the first for one before all steps, the last for what is no step's message."""
        is_said = place[0] in _FIELDS
        if is_said and (message := _position(place)) in self.spoken:
            return self.spoken.index(message)
        return 0 if is_said and not self.is_whole else max(len(self.steps) - 1, 0)


def conversation_key(machine_key: bytes) -> bytes:
    """The key of all keys, derived from the machine's own."""
    return hmac.digest(machine_key, b"gateway_ext.conversations", hashlib.sha256)


def identify(caller: Principal, prompt: Prompt, ids: Sequence[str], key: bytes) -> Conversation:
    """The conversation of a request of `caller`. `ids`: those that came in headers; `key`: as `conversation_key` makes it."""
    # Whichever issuer vouches: a person goes on with a key of ours where single sign-on ended (as in ADR 10).
    caller_key = _caller_key(f"{caller.kind}\0{caller.subject}", key)
    previous = prompt.document.get("previous_response_id")
    answered = (_named(caller_key, "response", previous),) if _is_id(previous) else ()
    names = [(kind, _named(caller_key, kind, name)) for kind, name in _names(prompt.document, ids)]
    is_whole, spoken, steps = _steps(prompt, caller_key)
    return Conversation(
        names=tuple(key for _, key in names),
        steps=steps,
        spoken=spoken,
        is_whole=is_whole,
        kept_as=(*answered, *(key for kind, key in names if kind == "conversation")),
        is_kept_elsewhere=prompt.continues_elsewhere,
        anchor=names[0][1] if names else steps[0] if is_whole and steps else b"",
        _caller_key=caller_key,
    )


def _names(document: Mapping[str, Any], ids: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Kinds and values of the ids that do not change from turn to turn."""
    yield from (("header", each) for each in ids if _is_id(each))
    conversation, metadata = document.get("conversation"), document.get("metadata")
    if type(conversation) is dict:
        conversation = conversation.get("id")
    if _is_id(conversation):
        yield "conversation", conversation
    if type(metadata) is not dict:
        return
    said, user = metadata.get("conversation_id"), metadata.get("user_id")
    if _is_id(said):
        yield "metadata", said
    if _is_id(user) and _SESSION in user:
        yield "session", user.partition(_SESSION)[2]


def _is_id(value: object) -> TypeGuard[str]:
    return type(value) is str and 0 < len(value) <= CONVERSATION_ID_CHARACTERS_MAX


def _named(caller_key: bytes, kind: str, name: str) -> bytes:
    return _hashed(_hasher(caller_key, _NAMING), f"{kind}\0{name}".encode("utf-8", "surrogatepass"))


def _steps(prompt: Prompt, caller_key: bytes) -> tuple[bool, tuple[int, ...], tuple[bytes, ...]]:
    """Whether these are all; of the last steps: positions of the messages they lead to, and keys."""
    spoken = _spoken(prompt)
    last = sorted(spoken)[-CONVERSATION_STEPS_MAX - 1 :]
    message, step = _hasher(caller_key, _SPOKEN), _hasher(caller_key, _FOLLOWING)
    digests = [_hashed(message, "".join(spoken[position]).encode("utf-8", "surrogatepass")) for position in last]
    is_whole = len(last) == len(spoken) and not prompt.continues_elsewhere
    if is_whole:
        digests.insert(0, b"")  # before the first message there is none
    steps = tuple([_hashed(step, before + after) for before, after in pairwise(digests)])
    return is_whole, tuple(last if is_whole else last[1:]), steps


def _spoken(prompt: Prompt) -> dict[int, list[str]]:
    """Role and text of all that stands in messages, by their position; without system prompts and what was read in files.

    Each with both lengths before it: joined, they are a text that no others make.
    """
    field_name = _FIELD_OF.get(prompt.endpoint.about)
    found: dict[int, list[str]] = {}
    for text in prompt.texts:
        pointer, role = text.pointer, text.role
        if pointer[0] == field_name and role not in _OPERATORS and not text.is_key:
            value = text.value.strip()
            found.setdefault(_position(pointer), []).append(f"{len(role)} {len(value)} {role}{value}")
    for each in prompt.attachments:
        if each.pointer[0] == field_name:
            ends = f"{len(each.value)} {each.value[:_ENDS_CHARACTERS]}{each.value[-_ENDS_CHARACTERS:]}"
            found.setdefault(_position(each.pointer), []).append(f"0 {len(ends)} {ends}")
    return found


def _position(pointer: Pointer) -> int:
    """Of the message; an input that is one text is one message."""
    return pointer[1] if len(pointer) > 1 and isinstance(pointer[1], int) else 0


@lru_cache(maxsize=4096)
def _caller_key(who: str, key: bytes) -> bytes:
    return hashlib.blake2b(who.encode("utf-8", "surrogatepass"), digest_size=32, key=key).digest()


@lru_cache(maxsize=4096)
def _hasher(key: bytes, person: bytes) -> hashlib.blake2b:
    """Keyed BLAKE2b (RFC 7693)."""
    return hashlib.blake2b(digest_size=KEY_BYTES, key=key, person=person)


def _hashed(begun: hashlib.blake2b, data: bytes) -> bytes:
    copy = begun.copy()
    copy.update(data)
    return copy.digest()
