"""The text of any bytes: what they are, by how they begin, decides who reads them."""

from __future__ import annotations

from gateway_ext import limits
from gateway_ext.attachments import archives, mail, markup, media, pdf, plain
from gateway_ext.attachments.bounds import Bounds, Unreadable
from gateway_ext.attachments.reading import Reading


def read(data: bytes, bounds: Bounds, charset: str = "") -> Reading:
    """All texts in `data`. `failure` of what is returned tells whether, and why, some of it could not be read.

    Of what could not, the stretches of printable ASCII are among the asides. `charset` is the one declared.
    """
    reading = Reading(bounds)
    _read_into(reading, data, charset, 1)
    return reading


def _read_into(reading: Reading, data: bytes, charset: str, level: int) -> None:
    try:
        _dispatch(reading, data, charset, level)
    except Unreadable as failure:
        reading.fail(failure)
        try:
            reading.add_stretches(data)
        except Unreadable:
            return  # the bounds are used up: `failure` says so, or that it was unreadable before


def _dispatch(reading: Reading, data: bytes, charset: str, level: int) -> None:
    def descend(inner: bytes, inner_charset: str = "") -> None:
        _read_into(reading, inner, inner_charset, level + 1)

    if level > limits.ATTACHMENT_LEVELS_MAX:
        raise Unreadable("too large; levels", "files within files within files; unpack it first")
    match media.media_type(data):
        case "application/zip":
            archives.read_archive(data, reading, descend)
        case "application/pdf":
            pdf.read_pdf(data, reading, descend)
        case "application/rtf":
            reading.texts.append(markup.rtf_text(data, reading))
        case "":
            _read_text(reading, data, charset, descend)
        case other:
            raise Unreadable(other)


def _read_text(reading: Reading, data: bytes, charset: str, descend: mail.Descend) -> None:
    text = plain.decoded(data, charset)
    if text is None:
        raise Unreadable(media.UNKNOWN)
    if mail.is_mail(data):
        mail.read_mail(data, reading, descend)
    elif markup.is_markup(text):
        reading.texts.append(markup.without_tags(text, reading))
    else:
        reading.bounds.charge_text(len(text))
        reading.texts.append(text)
