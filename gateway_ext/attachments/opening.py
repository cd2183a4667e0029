"""From the attachments of a request to what the Guard reads: their texts, and marks for what stays unread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit

from gateway_ext.attachments import extraction, names, payloads
from gateway_ext.attachments.bounds import Bounds, Unreadable
from gateway_ext.exchange import Attachment, Carriage, Text

_MARKS = {Carriage.REMOTE: names.REMOTE, Carriage.FILE_ID: names.FILE_ID}


def attached_texts(attachments: Sequence[Attachment], is_late: Callable[[], bool] = bool) -> tuple[Text, ...]:
    """What is to be inspected of `attachments`, besides the strings of the request itself. None of it can be redacted.

    Of one in DATA: its text (`…#text`), what stands beside it (`…#aside`: metadata, attributes, names of files), and,
    when not all of it is text that can be read, a mark with its true media type. Of others a mark: with the host of a
    URL, or with the file's id. All together within the bounds of limits.py; what comes after counts as unreadable.
    Takes a second and more for many megabytes; `is_late` may end it, with marks for what is unread by then.
    """
    bounds = Bounds(is_late=is_late)
    texts: list[Text] = []
    for attachment in attachments:
        if attachment.carriage is Carriage.DATA:
            texts.extend(_texts(attachment, bounds))
        else:
            value = _host(attachment.value) if attachment.carriage is Carriage.REMOTE else attachment.value
            texts.append(_mark(attachment, _MARKS[attachment.carriage], value))
    return tuple(texts)


def _texts(attachment: Attachment, bounds: Bounds) -> Iterator[Text]:
    try:
        payload = payloads.decode(attachment.value, attachment.media_type, bounds.charge_time)
    except Unreadable as late:
        yield _mark(attachment, names.UNREADABLE, late.what)
        return
    if payload is None:  # whatever it is, it is read as it stands
        yield _text(attachment, "text", attachment.value)
        yield _mark(attachment, names.UNREADABLE, "not base64")
        return
    reading = extraction.read(payload.data, bounds, payload.charset)
    if text := "\n".join(reading.texts):
        yield _text(attachment, "text", text)
    if aside := "\n".join(filter(None, (payload.head, *reading.asides))):
        yield _text(attachment, "aside", aside)
    if reading.failure:
        yield _mark(attachment, names.UNREADABLE, reading.failure.what)


def _text(attachment: Attachment, part: str, value: str) -> Text:
    return Text(attachment.pointer, f"{attachment.place}#{part}", attachment.role, value, is_key=True)


def _mark(attachment: Attachment, mark: str, value: str) -> Text:
    return Text(attachment.pointer, attachment.place, attachment.role, value, is_key=True, mark=mark)


def _host(url: str) -> str:
    try:
        return (urlsplit(url.strip()).hostname or "").lower()
    except ValueError:
        return ""
