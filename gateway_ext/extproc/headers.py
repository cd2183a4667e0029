"""Which header fields we read, and which we touch. Everything else passes through unseen."""

from __future__ import annotations

# Read from a request. The credential is not among them: Envoy verified and removed it.
REQUEST_FIELDS = frozenset({":method", ":path", "content-type", "content-encoding"})
RESPONSE_FIELDS = frozenset({":status", "content-type", "content-encoding"})

# Upstreams must answer uncoded, or neither Envoy nor we could meter or inspect what they say.
REMOVED_ON_FORWARD = ("accept-encoding",)

# Whether a client should try again is our knowledge, not its guess (the OpenAI SDKs honour this field).
SHOULD_RETRY_FIELD = "x-should-retry"


def media_type(content_type: str) -> str:
    """The media type in lower case, without parameters (RFC 9110 §8.3)."""
    return content_type.partition(";")[0].strip().lower()
