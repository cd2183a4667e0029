"""Whatever bytes an attachment has, reading it ends, within its bounds, with texts or with a reason."""

from __future__ import annotations

import base64
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_ext.attachments.bounds import Bounds
from gateway_ext.attachments.extraction import read
from gateway_ext.attachments.finding import with_attachments
from gateway_ext.attachments.names import NAMES
from gateway_ext.attachments.opening import attached_texts
from gateway_ext.attachments.payloads import decode
from gateway_ext.dialects.requests import read_prompt
from gateway_ext.exchange import Attachment, Carriage, Endpoint
from tests.unit.attachments.documents import archive, docx, paragraph, pdf, stream, xlsx

MAIL = b"MIME-Version: 1.0\nFrom: a@example.org\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nhello\n--b--\n"
WHOLE = (
    docx(paragraph("words", "more")),
    xlsx('<row><c t="s"><v>0</v></c></row>', ("words",)),
    archive({"a.txt": "words", "b.zip": archive({"c.txt": "words"})}),
    pdf("BT /F1 9 Tf [(words) -300 (more)] TJ ET", stream(b"BT ET", "/Subtype /Form")),
    rb"{\rtf1\ansi Gr\'f6\u8364?\par}",
    MAIL,
    b"<html><p>words<b>more</b></html>",
)
CHARACTERS_MAX = 20_000


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A file of a kind that is read, with some stretches replaced, dropped or repeated."""
    data = bytearray(draw(st.sampled_from(WHOLE)))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 40)))
        replacement = draw(st.one_of(st.binary(max_size=20), st.just(bytes(data[start:end]) * 2)))
        data[start:end] = replacement
    return bytes(data)


@settings(max_examples=300, deadline=None)
@given(st.one_of(damaged(), st.binary(max_size=300)), st.sampled_from(["", "utf-16", "punycode", "no such charset"]))
def test_reading_ends_within_its_bounds(data: bytes, charset: str) -> None:
    reading = read(data, Bounds(unpacked_bytes=1 << 20, characters=CHARACTERS_MAX, members=200), charset)
    said = [*reading.texts, *reading.asides]
    assert sum(map(len, said)) <= 2 * CHARACTERS_MAX
    for text in said:
        text.encode()  # no halves of surrogate pairs


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=2_000), st.booleans(), st.booleans())
def test_what_is_encoded_is_decoded(data: bytes, is_url_safe: bool, is_in_lines: bool) -> None:
    encoded = (base64.urlsafe_b64encode if is_url_safe else base64.b64encode)(data).decode()
    if is_in_lines:
        encoded = "\r\n".join(encoded[at : at + 76] for at in range(0, len(encoded), 76))
    payload = decode(f"data:;base64,{encoded}")
    assert payload is not None
    assert payload.data == data


@settings(max_examples=200, deadline=None)
@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=300),
    st.sampled_from(["file_data", "data", "url"]),
)
def test_no_string_gets_lost(value: str, key: str) -> None:
    """What stands in the place of an attachment is read as a text, decoded, or marked."""
    parts = {
        "file_data": {"type": "file", "file": {"file_data": value}},
        "data": {"type": "input_audio", "input_audio": {"data": value}},
        "url": {"type": "image_url", "image_url": {"url": value}},
    }
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": [parts[key]]}]}).encode()
    prompt = with_attachments(read_prompt(Endpoint.CHAT_COMPLETIONS, body))
    opened = attached_texts(prompt.attachments)
    is_text = any(text.pointer[-1] == key and text.value == value for text in prompt.texts)
    assert not value or is_text or opened


@given(st.lists(st.binary(max_size=100), max_size=5))
def test_every_text_is_in_place_and_fixed(files: list[bytes]) -> None:
    attachments = [
        Attachment(("a", index), f"/a/{index}", "user", Carriage.DATA, base64.b64encode(data).decode())
        for index, data in enumerate(files)
    ]
    for text in attached_texts(attachments):
        assert text.is_key
        assert text.mark in {"", *NAMES}
        assert text.place.startswith(f"/a/{text.pointer[-1]}")
