"""Bytes in a string, with their media type: `data:` URLs in base64 (RFC 2397), as OpenAI's dialect carries files."""

from __future__ import annotations

_SCHEME = "data:"


def data_url(media_type: str, data: str) -> str:
    return f"{_SCHEME}{media_type};base64,{data}"


def is_data_url(url: str) -> bool:
    return url[: len(_SCHEME)].lower() == _SCHEME


def split_data_url(url: str) -> tuple[str, str] | None:
    """(media type in lower case, base64); None for any other URL, and for data that is not in base64."""
    head, comma, data = url.partition(",")
    if not comma or not is_data_url(head):
        return None
    media_type, *parameters = [part.strip().lower() for part in head[len(_SCHEME) :].split(";")]
    return (media_type, data) if media_type and "base64" in parameters else None
