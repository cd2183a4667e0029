from __future__ import annotations

import base64

from gateway_ext.attachments.names import FILE_ID, REMOTE, UNREADABLE
from gateway_ext.attachments.opening import attached_texts
from gateway_ext.exchange import Attachment, Carriage, Text
from gateway_ext.limits import ATTACHMENT_UNPACKED_BYTES_MAX
from tests.unit.attachments.documents import IBAN, PNG, archive, docx, paragraph

POINTER = ("messages", 0, "content", 0, "file", "file_data")


def attachment(value: str, carriage: Carriage = Carriage.DATA) -> Attachment:
    return Attachment(POINTER, "/messages/0/content/0/file/file_data", "user", carriage, value)


def encoded(data: bytes) -> Attachment:
    return attachment(base64.b64encode(data).decode())


def values(texts: tuple[Text, ...]) -> list[tuple[str, str]]:
    """What follows the attachment's own place, or the mark, and the value."""
    return [(text.mark or text.place.partition("#")[2], text.value) for text in texts]


def test_a_document_becomes_texts_that_cannot_be_redacted() -> None:
    (text, *_) = attached_texts([encoded(docx(paragraph(IBAN)))])
    assert text == Text(POINTER, "/messages/0/content/0/file/file_data#text", "user", f"{IBAN}\n", is_key=True)


def test_the_head_of_a_data_url_is_an_aside() -> None:
    texts = attached_texts([attachment("data:text/plain;name=jane@example.org,hello")])
    assert values(texts) == [("text", "hello"), ("aside", "text/plain;name=jane@example.org")]


def test_what_is_unreadable_is_marked_with_its_true_type() -> None:
    assert values(attached_texts([encoded(PNG)])) == [(UNREADABLE, "image/png")]
    lying = attachment("data:image/png;base64," + base64.b64encode(b"words").decode())
    assert values(attached_texts([lying])) == [("text", "words"), ("aside", "image/png;base64")]


def test_what_is_not_base64_is_read_as_it_stands() -> None:
    value = "QUJD" * 3000 + f" {IBAN}!"
    assert values(attached_texts([attachment(value)])) == [("text", value), (UNREADABLE, "not base64")]


def test_marks_of_what_is_elsewhere() -> None:
    found = [
        attachment("https://User:secret@Files.Example.org:8443/a?b=c", Carriage.REMOTE),
        attachment("http://[bad", Carriage.REMOTE),
        attachment("file-1", Carriage.FILE_ID),
    ]
    assert values(attached_texts(found)) == [(REMOTE, "files.example.org"), (REMOTE, ""), (FILE_ID, "file-1")]


def test_texts_are_kept_when_a_part_is_unreadable() -> None:
    texts = attached_texts([encoded(archive({"a.txt": "words", "b.png": PNG}))])
    assert values(texts) == [("text", "words"), ("aside", "a.txt\nb.png"), (UNREADABLE, "image/png")]


def test_bounds_are_those_of_all_attachments_together() -> None:
    bomb = encoded(archive({"a.bin": bytes(ATTACHMENT_UNPACKED_BYTES_MAX // 2 + 1)}))
    found = values(attached_texts([bomb, bomb, encoded(b"plain words")]))
    assert (UNREADABLE, "too large; unpacked") in found
    assert ("text", "plain words") in found


def test_when_time_is_up_the_rest_is_marked() -> None:
    assert values(attached_texts([encoded(b"words")], is_late=lambda: True)) == [(UNREADABLE, "too large; time")]
