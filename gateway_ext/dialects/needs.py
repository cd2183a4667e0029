"""What a request needs of whoever answers it, told by its fields and the types of its parts; texts are not read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gateway_ext.exchange import Endpoint

CAPABILITIES = ("tools", "hosted_tools", "vision", "audio", "documents", "json_mode", "json_schema")
"""Everything that is told apart. `tools` are described by the caller, `hosted_tools` known to the provider."""

_CALLED_BY_CALLER = frozenset({"function", "custom", None})
_OF_PART = {
    "image_url": "vision",
    "input_image": "vision",
    "image": "vision",
    "computer_screenshot": "vision",
    "input_audio": "audio",
    "file": "documents",
    "input_file": "documents",
    "document": "documents",
    "document_url": "documents",
    "container_upload": "documents",
}
_OF_FORMAT = {"json_object": "json_mode", "json_schema": "json_schema"}
_CONVERSATION_OF = {Endpoint.RESPONSES: "input"}
_NOTHING: frozenset[str] = frozenset()


def needs_of(endpoint: Endpoint, document: Mapping[str, Any]) -> frozenset[str]:
    """A set of CAPABILITIES. What is malformed needs nothing: whether it is right, the provider says."""
    found = {*_of_tools(document), *_of_format(document)}
    modalities = document.get("modalities")
    if isinstance(modalities, list) and "audio" in modalities:
        found.add("audio")
    messages = document.get(_CONVERSATION_OF.get(endpoint, "messages"))
    if isinstance(messages, list):
        kinds = {kind for kind in _kinds(messages) if type(kind) is str}
        found.update(need for kind in kinds if (need := _OF_PART.get(kind)))
    return frozenset(found) if found else _NOTHING


def _of_tools(document: Mapping[str, Any]) -> Iterator[str]:
    if document.get("functions"):
        yield "tools"
    tools = document.get("tools")
    for tool in tools if isinstance(tools, list) else ():
        kind = tool.get("type") if isinstance(tool, dict) else None
        yield "tools" if isinstance(kind, str | None) and kind in _CALLED_BY_CALLER else "hosted_tools"
    if document.get("web_search_options") is not None or document.get("mcp_servers"):
        yield "hosted_tools"


def _of_format(document: Mapping[str, Any]) -> Iterator[str]:
    """Where each dialect says that the answer is to be JSON."""
    options = (document.get("text"), document.get("output_config"))
    formats = [document.get("response_format"), document.get("output_format")]
    formats += [option.get("format") for option in options if isinstance(option, dict)]
    for each in formats:
        kind = each.get("type") if isinstance(each, dict) else None
        if type(kind) is str and kind in _OF_FORMAT:
            yield _OF_FORMAT[kind]


def _kinds(messages: Iterable[Any]) -> Iterator[Any]:
    """Types of items, of the parts of their content, and of what a tool that is one of these parts has answered with."""
    for message in _objects(messages):
        yield message.get("type")
        for part in _parts(message):
            yield part.get("type")
            yield from (inner.get("type") for inner in _parts(part))


def _parts(owner: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for field in ("content", "output"):
        parts = owner.get(field)
        if type(parts) is list:
            yield from _objects(parts)


def _objects(items: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    return (item for item in items if type(item) is dict)
