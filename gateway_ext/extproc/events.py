"""What Envoy tells us about one HTTP stream. The only way anything reaches the machine; commands.py is the counterpart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

JWT_NAMESPACE = "envoy.filters.http.jwt_authn"
"""Of the metadata in which Envoy tells the claims it has verified."""


@dataclass(frozen=True, slots=True)
class RequestHeaders:
    """`fields` has lower-case names; `metadata` and `attributes` are Envoy's, by namespace and by name.

    `user_headers` has all values of each header that front ends may name people in.
    """

    fields: Mapping[str, str]
    metadata: Mapping[str, Mapping[str, Any]]
    attributes: Mapping[str, Any]
    end_of_stream: bool
    user_headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RequestBody:
    """The whole body at once: request_body_mode is BUFFERED."""

    body: bytes


@dataclass(frozen=True, slots=True)
class RequestTrailers:
    pass


@dataclass(frozen=True, slots=True)
class ResponseHeaders:
    """Of the upstream's response, or of a local reply of Envoy's own: then it may be the first thing we hear."""

    status: int
    content_type: str
    content_encoding: str
    end_of_stream: bool
    cluster: str = ""  # that answered


@dataclass(frozen=True, slots=True)
class ResponseBody:
    body: bytes
    end_of_stream: bool


@dataclass(frozen=True, slots=True)
class ResponseTrailers:
    pass


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """Envoy closed, reset or cancelled the gRPC stream, or our server is going away."""


Event = RequestHeaders | RequestBody | RequestTrailers | ResponseHeaders | ResponseBody | ResponseTrailers | StreamEnded


def joined(events: Iterable[Event]) -> list[Event]:
    """The same events, with bodies of a response that follow each other as one body."""
    found: list[Event] = []
    bodies: list[bytes] = []
    is_end = False
    for event in events:
        if isinstance(event, ResponseBody):
            bodies.append(event.body)
            is_end = event.end_of_stream
            continue
        if bodies:
            found.append(ResponseBody(b"".join(bodies), is_end))
            bodies = []
        found.append(event)
    if bodies:
        found.append(ResponseBody(b"".join(bodies), is_end))
    return found
