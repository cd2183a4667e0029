"""Parts of chat messages as blocks of Messages."""

from __future__ import annotations

import re
from typing import Any

from gateway_ext.dialects.strict_json import parse_object
from gateway_ext.dialects.translation.data_urls import is_data_url, split_data_url
from gateway_ext.dialects.translation.fields import Members
from gateway_ext.errors import BodyInvalid

_IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_TOOL_ID = re.compile(r"[A-Za-z0-9_-]+")  # as Anthropic demands


def blocks(message: Members, *kinds: str) -> list[dict[str, Any]]:
    """What a message has in `content`, in blocks; none for an empty text. Only parts of these kinds may be in it."""
    translated = []
    for part in message.content("content"):
        kind = part.text("type")
        if kind not in kinds:
            part.refuse("type", "such a part cannot be sent in this place")
        part.leave_out("prompt_cache_breakpoint")
        block = _block(part, kind)
        if block.get("text") == "":  # Anthropic refuses it
            part.end()
        else:
            translated.append(part.onto(block))
    return translated


def tool_use(call: Members) -> dict[str, Any]:
    """A call that the model has made. Anthropic has the arguments as an object, OpenAI as the JSON of one."""
    if call.text("type") != "function":
        call.refuse("type", "only calls of functions are understood")
    call.leave_out("index")
    function = call.object("function")
    name, arguments = function.text("name"), function.text("arguments")
    try:
        parsed = parse_object(arguments.encode()) if arguments.strip() else {}
    except BodyInvalid:
        parsed = None
    if parsed is None:
        function.refuse("arguments", "it must be the JSON of an object")
    function.end()
    return call.onto({"type": "tool_use", "id": tool_id(call, "id"), "name": name, "input": parsed})


def tool_id(members: Members, field: str) -> str:
    identity = members.text(field)
    if not _TOOL_ID.fullmatch(identity):
        members.refuse(field, "it may have letters, digits, '_' and '-'")
    return identity


def _block(part: Members, kind: str) -> dict[str, Any]:
    match kind:
        case "text" | "refusal":
            return {"type": "text", "text": part.text(kind)}
        case "image_url":
            return _image(part.object("image_url"))
        case "file":
            return _document(part.object("file"))
    return part.refuse("type")


def _image(image: Members) -> dict[str, Any]:
    url = image.text("url")
    image.leave_out("detail")
    image.end()
    if not is_data_url(url):
        return {"type": "image", "source": {"type": "url", "url": url}}
    media_type, data = split_data_url(url) or ("", "")
    if media_type not in _IMAGES:
        image.refuse("url", "the picture must be JPEG, PNG, GIF or WebP in base64")
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


def _document(file: Members) -> dict[str, Any]:
    file.only("file_id")  # of another provider's files
    carried = split_data_url(file.text("file_data"))
    name = file.optional_text("filename")
    file.end()
    if carried is None or carried[0] != "application/pdf":
        file.refuse("file_data", "it must be a PDF as a data URL in base64")
    source = {"type": "base64", "media_type": "application/pdf", "data": carried[1]}
    return {"type": "document", "source": source, **({"title": name} if name else {})}
