"""Which header fields we read, and which we touch. Everything else passes through unseen."""

from __future__ import annotations

# Read from a request. The credential is not among them: Envoy verified and removed it.
AGENT_RUN_FIELD = "x-agent-run"
TRACEPARENT_FIELD = "traceparent"
SHADOW_FIELD = (
    "x-gateway-shadow"  # the leave of a copy; no client can set it, and only the listener `shadow` is asked for it
)
REQUEST_FIELDS = frozenset(
    {":method", ":path", "content-type", "content-encoding", AGENT_RUN_FIELD, TRACEPARENT_FIELD, SHADOW_FIELD}
)
RESPONSE_FIELDS = frozenset({":status", "content-type", "content-encoding"})

# Upstreams must answer uncoded, or neither Envoy nor we could meter or inspect what they say.
REMOVED_ON_FORWARD = ("accept-encoding",)

# Set when the body must be translated for the first attempt, too: read by the filters of providers' clusters, then removed.
RETARGET_FIELD = "x-gateway-retarget"

# Whether a client should try again is our knowledge, not its guess (the OpenAI SDKs honour this field).
SHOULD_RETRY_FIELD = "x-should-retry"


def media_type(content_type: str) -> str:
    """The media type in lower case, without parameters (RFC 9110 §8.3)."""
    return content_type.partition(";")[0].strip().lower()
