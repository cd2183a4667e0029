"""What we tell Envoy to do with one HTTP stream. Each answers the event before it, or is refused by the machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway_ext.exchange import Answer, Candidate, ResponseReading, Usage


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read in a response until now. Comes back with Envoy's access log, which settles the exchange.

    `seen_tokens` bounds the output that has gone to the caller, should nobody ever say how much it was.
    """

    usage: Usage | None
    flag: str = ""
    seen_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class ReadRequestBody:
    """The caller is admitted: send the body."""


@dataclass(frozen=True, slots=True)
class AnswerNow:
    """End the exchange here: no upstream is contacted, or its answer is withheld, which may have been read before."""

    answer: Answer
    reading: Reading | None = None


@dataclass(frozen=True, slots=True)
class ForwardRequest:
    """Send the request to the first candidate, the next ones on retry. `body` None keeps the caller's bytes.

    Without `reads_response` our part ends here: closing the stream now spares Envoy and us a message each. With leave for a
    `shadow` Envoy sends a copy to itself as well.
    """

    body: bytes | None
    candidates: Sequence[Candidate]
    plan: Mapping[str, Any]
    drop_content_encoding: bool
    reads_response: bool
    retargets_first: bool = False
    shadow: str = ""


@dataclass(frozen=True, slots=True)
class RetargetRequest:
    """Upstream role: the guarded body, with the model name of the provider of this attempt."""

    body: bytes | None


@dataclass(frozen=True, slots=True)
class PassRequestTrailers:
    pass


@dataclass(frozen=True, slots=True)
class ReadResponse:
    """How much of the response we want to see. NOTHING ends our part."""

    reading: ResponseReading


@dataclass(frozen=True, slots=True)
class PassWholeResponse:
    """Answer to a BUFFERED response body: let it go, unchanged if `body` is None."""

    body: bytes | None = None
    reading: Reading | None = None


@dataclass(frozen=True, slots=True)
class PassChunk:
    """FULL_DUPLEX_STREAMED: send these bytes downstream. `end_of_stream` before the upstream's own end cuts it off."""

    body: bytes
    end_of_stream: bool
    reading: Reading | None = None


@dataclass(frozen=True, slots=True)
class PassResponseTrailers:
    reading: Reading | None = None


Command = (
    ReadRequestBody
    | AnswerNow
    | ForwardRequest
    | RetargetRequest
    | PassRequestTrailers
    | ReadResponse
    | PassWholeResponse
    | PassChunk
    | PassResponseTrailers
)
