"""Where requests of all dialects have attachments.

Chat completions: `image_url`, `input_audio`, `file`, and what compatible servers add (`video_url`, `document_url`).
Responses: `input_image`, `input_file`, generated images that are sent back, files for tools. Messages: `source`s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gateway_ext import limits
from gateway_ext.attachments import media, payloads
from gateway_ext.exchange import Attachment, Carriage, Prompt, Text

_URL_KEYS = frozenset({"image_url", "video_url", "audio_url", "document_url", "file_url"})
_KEYS = _URL_KEYS | {"url", "file_data", "data", "result", "file_id"}
_DATA_PARENTS = frozenset({"input_audio", "inline_data"})
_URL_PARENTS = _URL_KEYS | {"source"}
_IMAGE_TYPES = frozenset({"image", "image_url", "input_image", "computer_screenshot", "image_generation_call"})
_IMAGE_PARENTS = frozenset({"image_url", "input_image_mask"})
_FREE = frozenset({"arguments", "input_schema", "json_schema", "metadata", "parameters", "schema"})
"""Keys below which callers and models choose the keys."""
_BARE_BASE64_CHARACTERS_MIN = 256  # in the place of a URL


def with_attachments(prompt: Prompt) -> Prompt:
    """`prompt` with its attachments; the encoded bytes among its texts, which say nothing as they stand, are taken out.

    Costs a fraction of a microsecond a text when there are none. What only looks like an attachment stays a text.
    """
    found = tuple(_find(prompt.document, prompt.texts))
    if not found:
        return prompt
    taken = {each.pointer for each in found if each.carriage is Carriage.DATA}
    texts = tuple(text for text in prompt.texts if text.is_key or text.pointer not in taken)
    return replace(prompt, texts=texts, attachments=found)


def _find(document: Mapping[str, Any], texts: Sequence[Text]) -> Iterator[Attachment]:
    for text in texts:
        key = text.pointer[-1]
        if key not in _KEYS and (type(key) is str or "file_ids" not in text.pointer):
            continue
        if text.is_key:
            continue
        if _FREE.isdisjoint(text.pointer) and "input" not in text.pointer[1:]:  # of a tool's use, unless on top
            attachment = _attachment(document, text)
            if attachment is not None:
                yield attachment


def _attachment(document: Mapping[str, Any], text: Text) -> Attachment | None:
    members, owner = _containers(document, text.pointer)
    parent = text.pointer[-2] if len(text.pointer) > 1 else ""
    carriage = _carriage(text, parent, members)
    if carriage is None:
        return None
    is_image = parent in _IMAGE_PARENTS or text.pointer[-1] == "image_url" or members.get("type") in _IMAGE_TYPES
    is_image = is_image or (parent == "source" and owner.get("type") == "image")
    media_type = members.get("media_type")
    return Attachment(
        pointer=text.pointer,
        place=text.place,
        role=text.role,
        carriage=carriage,
        value=text.value,
        media_type=media_type if isinstance(media_type, str) else "",
        extra_tokens=_extra_tokens(carriage, text.value, is_image=is_image),
    )


def _carriage(text: Text, parent: str | int, members: Mapping[str, Any]) -> Carriage | None:
    """None when the text is no attachment after all."""
    key, value = text.pointer[-1], text.value
    kind = members.get("type")
    if key == "file_id" or parent == "file_ids":
        return Carriage.FILE_ID
    if key in _URL_KEYS or (key == "url" and parent in _URL_PARENTS):
        is_bare = len(value) >= _BARE_BASE64_CHARACTERS_MIN and payloads.may_be_base64(value)
        return Carriage.DATA if is_bare or payloads.is_data_url(value) else Carriage.REMOTE
    is_data = key == "file_data" or (key == "data" and (parent in _DATA_PARENTS or kind == "base64"))
    is_data = is_data or (key == "result" and kind == "image_generation_call")
    return Carriage.DATA if is_data and (payloads.is_data_url(value) or payloads.may_be_base64(value)) else None


def _containers(
    document: Mapping[str, Any], pointer: tuple[str | int, ...]
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The object that holds the string, and the object that holds that one."""
    path: list[Any] = [document]
    step: Any
    for step in pointer[:-1]:
        below = path[-1]
        path.append(below[step] if isinstance(below, dict | list) else None)  # else a string inside a string
    members = path[-1] if isinstance(path[-1], dict) else {}
    owner = path[-2] if len(path) > 1 and isinstance(path[-2], dict) else {}
    return members, owner


def _extra_tokens(carriage: Carriage, value: str, *, is_image: bool) -> int:
    """Tokens it may cost beyond one for each of its bytes in the body."""
    if carriage is not Carriage.DATA:
        return limits.IMAGE_TOKENS_MAX if is_image else limits.DOCUMENT_TOKENS_MAX
    kind = media.media_type(payloads.begin(value))
    if is_image or kind.startswith("image/"):
        return max(0, limits.IMAGE_TOKENS_MAX - len(value))
    # Text and sound have less tokens than bytes; documents pack their text, and pages may be read as pictures, too.
    return max(0, limits.DOCUMENT_TOKENS_MAX - len(value)) if kind.startswith("application/") else 0
