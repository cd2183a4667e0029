"""A request for a deployment of another wire format, with what the gateway itself needs to be said in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway_ext.dialects.translation.contract import Traits
from gateway_ext.dialects.translation.translate import Translation, translate_request
from gateway_ext.exchange import Endpoint


def outbound(
    document: Mapping[str, Any],
    source: Endpoint,
    wire: Endpoint,
    *,
    traits: Traits,
    keeps_unknown: bool,
    asked_at_seconds: int,
) -> tuple[dict[str, Any], Translation]:
    """As translate_request; a stream of chat completions is made to report its usage. Raises NotTranslatable."""
    translated, translation = translate_request(
        document, source, wire, keeps_unknown=keeps_unknown, asked_at_seconds=asked_at_seconds, traits=traits
    )
    if wire is Endpoint.CHAT_COMPLETIONS and translated.get("stream"):
        translated["stream_options"] = {**(translated.get("stream_options") or {}), "include_usage": True}
    return translated, translation
