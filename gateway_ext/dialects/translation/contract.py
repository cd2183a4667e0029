"""What a way between two wire formats consists of, and what it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol


class Thinking(StrEnum):
    """How a model of Anthropic's dialect is told to think; models take one form or the other."""

    ADAPTIVE = "adaptive"  # the model decides how much, within an effort: since Claude 4.6
    BUDGET = "budget"  # in tokens: up to Claude 4.6


@dataclass(frozen=True, slots=True)
class Traits:
    """In what deployments of one wire format differ."""

    chat_output_field: str = "max_completion_tokens"  # or max_tokens
    thinking: Thinking = Thinking.ADAPTIVE


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked, for the way back: the caller's request in its own wire format, and when, in Unix seconds."""

    document: Mapping[str, Any] = field(repr=False)
    at_seconds: int

    @property
    def model(self) -> str:
        return str(self.document["model"])


class StreamTranslator(Protocol):
    """One event stream of a provider, made into one for the caller. Bounded memory; unusable once it has raised.

    Both methods raise StreamMalformed for what is not in the provider's wire format.
    """

    @property
    def next_sequence_number(self) -> int:
        """What the responses endpoint would number its next event with; 0 for other endpoints."""
        ...

    def feed(self, chunk: bytes) -> bytes:
        """What of the caller's stream can go out now."""
        ...

    def finish(self) -> bytes:
        """What is left when the provider has ended. A stream that it cut short ends without its end mark."""
        ...


@dataclass(frozen=True, slots=True)
class Way:
    """From a caller's wire format to a provider's, and back.

    request: the caller's document, the deployment's traits and `keeps_unknown` → the provider's document; raises NotTranslatable.
    answer: the provider's document and what was asked → the caller's document; raises AnswerMalformed.
    stream: what was asked → a translator from the provider's events to the caller's.
    """

    request: Callable[[Mapping[str, Any], Traits, bool], dict[str, Any]]
    answer: Callable[[Mapping[str, Any], Asked], dict[str, Any]]
    stream: Callable[[Asked], StreamTranslator]
