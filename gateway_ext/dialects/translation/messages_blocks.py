"""Blocks of Messages as parts of chat messages."""

from __future__ import annotations

from typing import Any

from gateway_ext.dialects.strict_json import encode
from gateway_ext.dialects.translation.data_urls import data_url
from gateway_ext.dialects.translation.fields import Members

Part = dict[str, Any]
_NAMELESS = "document.pdf"  # OpenAI demands a name of a file


def parts(block: Members, kind: str) -> list[Part]:
    """One block in parts: none for an empty text, several for a document that is not a file."""
    block.leave_out("cache_control")
    match kind:
        case "text":
            block.leave_out("citations")  # of an earlier answer
            return _text(block, block.text("text"))
        case "image":
            source = block.object("source")
            return [block.onto({"type": "image_url", "image_url": {"url": _url(source)}})]
        case "document":
            return _document(block)
    return block.refuse("type", "such a block cannot be sent in this place")


def tool_call(block: Members) -> Part:
    """A call that the model has made. OpenAI has the arguments as the JSON of an object."""
    block.leave_out("cache_control")
    caller = block.optional_object("caller")
    if caller is not None:
        caller.only("type", "direct")
        caller.end()
    function = {"name": block.text("name"), "arguments": encode(block.mapping("input") or {}).decode()}
    return block.onto({"id": block.text("id"), "type": "function", "function": function})


def _text(block: Members, text: str) -> list[Part]:
    if not text:
        block.end()
        return []
    return [block.onto({"type": "text", "text": text})]


def _url(source: Members) -> str:
    match source.text("type"):
        case "base64":
            url = data_url(source.text("media_type"), source.text("data"))
        case "url":
            url = source.text("url")
        case _:
            source.refuse("type", "files that the provider keeps cannot be sent to another one")
    source.end()
    return url


def _document(block: Members) -> list[Part]:
    """A PDF is a file; a document of text is its title, its context and its text."""
    if (citations := block.optional_object("citations")) is not None:
        citations.only("enabled", False)
        citations.end()
    source = block.object("source")
    title, context = block.optional_text("title"), block.optional_text("context")
    kind = source.text("type")
    if kind == "base64":
        source.only("media_type", "application/pdf")
        file = {"filename": title or _NAMELESS, "file_data": data_url("application/pdf", source.text("data"))}
        source.end()
        about = [{"type": "text", "text": context}] if context else []
        return [*about, block.onto({"type": "file", "file": file})]
    about = [{"type": "text", "text": said} for said in (title, context) if said]
    if kind == "text":
        source.only("media_type", "text/plain")
        about.append({"type": "text", "text": source.text("data")})
    elif kind == "content":
        for inner in source.content("content"):
            about += parts(inner, inner.text("type"))
    else:
        source.refuse("type", "the document must be sent along")
    source.end()
    block.end()
    return about
