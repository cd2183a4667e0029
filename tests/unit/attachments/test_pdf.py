from __future__ import annotations

import base64
import zlib

import pytest

from gateway_ext.attachments.bounds import Bounds
from gateway_ext.attachments.extraction import read
from tests.unit.attachments.documents import IBAN, archive, pdf, stream


def text(data: bytes) -> str:
    """What `data` says, when all of it can be read; white space as single spaces."""
    reading = read(data, Bounds())
    assert reading.failure is None
    return " ".join("\n".join(reading.texts).split())


def failure(data: bytes, bounds: Bounds | None = None) -> str:
    reading = read(data, bounds or Bounds())
    assert reading.failure is not None
    return reading.failure.what


def asides(data: bytes) -> str:
    return "\n".join(read(data, Bounds()).asides)


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (f"BT /F1 12 Tf 100 700 Td ({IBAN}) Tj ET", IBAN),
        ("BT /F1 12 Tf [(DE) -20 (89) -300 (3704)] TJ ET", "DE89 3704"),
        ("BT /F1 12 Tf (a\\(b\\)\\101\\\n (c)) Tj T* (d) ' 1 2 (e) \" ET", "a(b)A (c) d e"),
        ("BT /F1 12 Tf <4142 4> Tj ET", "AB@"),
        ("BT /F1 12 Tf 0 -14 Td (one) Tj 0 -14 Td (two) Tj 30 0 Td (three) Tj ET", "one two three"),
        ("q BT /F1 9 Tf (Gr\\366\\337e \x80) Tj ET Q % note\n/Unknown Do", "Größe €"),
    ],
)
def test_the_text_of_a_page(content: str, shown: str) -> None:
    assert text(pdf(content)) == shown


def test_a_font_that_maps_its_codes() -> None:
    cmap = (
        "/CIDInit /ProcSet findresource begin 1 begincodespacerange <0000> <FFFF> endcodespacerange\n"
        "2 beginbfchar <0001> <0044> <0002> <D83DDE00> endbfchar\n"
        "2 beginbfrange <0003> <0005> <0061> <0006> <0007> [<0066> <0066006C>] endbfrange end"
    )
    data = pdf(
        "BT /F2 12 Tf <0001000200030004000500060007> Tj ET",
        "<< /Type /Font /Subtype /Type0 /Encoding /Identity-H /ToUnicode 7 0 R >>",
        stream(cmap.encode()),
        resources="/Font << /F2 6 0 R >>",
    )
    assert text(data) == "D😀abcffl"


def test_a_font_with_names_of_glyphs() -> None:
    font = "<< /Type /Font /Encoding << /Differences [1 /D /E 65 /eight /nine /adieresis /uni20AC /g77] >> >>"
    shown = "BT /F2 12 Tf <01024142434420> Tj ET"
    assert text(pdf(shown, font, resources="/Font << /F2 6 0 R >>")) == "DE89ä€"
    assert failure(pdf("BT /F2 12 Tf <0145> Tj ET", font, resources="/Font << /F2 6 0 R >>")) == "application/pdf; font"


def test_a_font_without_a_way_back_is_unreadable() -> None:
    font = "<< /Type /Font /Subtype /Type0 /Encoding /Identity-H >>"
    data = pdf("BT /F2 12 Tf <00010002> Tj ET", font, resources="/Font << /F2 6 0 R >>")
    assert failure(data) == "application/pdf; font"


def test_forms_are_drawn_but_not_without_end() -> None:
    form = stream(b"BT /F1 1 Tf (inside) Tj ET /X1 Do", "/Subtype /Form")
    data = pdf("/X1 Do", form, resources="/Font << /F1 5 0 R >> /XObject << /X1 6 0 R >>")
    assert text(data) == "inside"
    spreading = [stream(f"/X{n + 1} Do ".encode() * 10, "/Subtype /Form") for n in range(1, 5)]
    resources = "/XObject << " + " ".join(f"/X{n} {n + 5} 0 R" for n in range(1, 5)) + " >>"
    assert failure(pdf("/X1 Do", *spreading, resources=resources), Bounds(members=500)) == "too large; members"


def test_a_page_that_is_a_picture_is_unreadable() -> None:
    image = stream(b"\xff\xd8\xff", "/Subtype /Image /Filter /DCTDecode")
    assert failure(pdf("/X1 Do", image, resources="/XObject << /X1 6 0 R >>")) == "application/pdf; images"
    assert failure(pdf("BI /W 1 /H 1 ID \xff(\xff EI")) == "application/pdf; images"
    resources = "/Font << /F1 5 0 R >> /XObject << /X1 6 0 R >>"
    assert text(pdf("/X1 Do BT /F1 9 Tf (caption) Tj ET", image, resources=resources)) == "caption"


def test_objects_in_streams_and_replaced_ones() -> None:
    page = f"<< /Type /Page /Contents 8 0 R /Resources << /Font << /F1 5 0 R >> >> /T ({IBAN}) >>"
    packed = stream(zlib.compress(f"7 0 {page}".encode()), "/Type /ObjStm /N 1 /First 4 /Filter [/FlateDecode]")
    hidden = stream(base64.a85encode(b"BT /F1 1 Tf (packed) Tj ET") + b"~>", "/Filter /A85")
    data = pdf("BT /F1 1 Tf (shown) Tj ET", packed, "<< >>", hidden)
    assert text(data) == "shown packed"
    assert IBAN in asides(data)
    updated = pdf("BT /F1 1 Tf (old) Tj ET") + b"3 0 obj << /Type /Page /Contents 9 0 R >> endobj 9 0 obj\n"
    updated += stream(b"BT (new) Tj ET") + b"\nendobj"
    assert set(text(updated).split()) == {"old", "new"}


def test_what_stands_beside_the_pages() -> None:
    data = pdf(
        "/Span << /ActualText (spoken words) >> BDC BT /F1 9 Tf (page) Tj ET EMC",
        "<< /Title <FEFF00470072006F00DF> /Author (Jane Doe) /ID (\x01\x02) /ModDate (D:20260131) >>",
        "<< /Type /Annot /Contents (a comment) /V (what a form holds) >>",
        stream(b"<x:xmpmeta><dc:creator>Jane XMP</dc:creator></x:xmpmeta>", "/Type /Metadata"),
    )
    found = asides(data).splitlines()
    assert {"spoken words", "Groß", "Jane Doe", "a comment", "what a form holds", "Jane XMP"} <= set(found)
    assert not any("D:2026" in each or "\x01" in each for each in found)


def test_embedded_files_are_read() -> None:
    inner = zlib.compress(archive({"a.txt": IBAN}))
    data = pdf("BT /F1 9 Tf (page) Tj ET", stream(inner, "/Type /EmbeddedFile /Filter /FlateDecode"))
    assert set(text(data).split()) == {"page", IBAN}


@pytest.mark.parametrize("data", [pdf("0 0 m 9 9 l S"), f"%PDF-1.4\n{IBAN} and no more".encode()])
def test_a_pdf_without_text_is_unreadable(data: bytes) -> None:
    assert failure(data) == "application/pdf; no text"


def test_what_only_says_that_it_is_a_pdf_does_not_hide_words() -> None:
    assert IBAN in asides(f"%PDF-1.4\n{IBAN} and no more".encode())


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (pdf("BT ET") + b"trailer << /Encrypt 9 0 R >>", "application/pdf; encrypted"),
        (pdf("BT ET", stream(b"<x/>", "/Type /Metadata /Filter /LZWDecode")), "application/pdf; filter"),
        (pdf("BT ET", stream(b"nothing deflated", "/Type /Metadata /Filter /FlateDecode")), "application/pdf; damaged"),
        (pdf("BT ET", "<< /A " + "[" * 99 + " >>"), "application/pdf; depth"),
    ],
)
def test_what_cannot_be_read_is_said(data: bytes, what: str) -> None:
    assert failure(data) == what


def test_what_grows_without_bound_is_cut() -> None:
    data = pdf("BT /F1 1 Tf " + "(x) Tj " * 200_000 + " ET")
    assert len(data) < 20_000
    assert failure(data, Bounds(unpacked_bytes=1 << 20)) == "too large; unpacked"
    assert failure(data, Bounds(characters=1_000)) == "too large; text"
    assert failure(data, Bounds(is_late=lambda: True)) == "too large; time"


def test_a_stream_cut_short_is_read_as_far_as_it_goes() -> None:
    packed = zlib.compress(b"BT /F1 1 Tf (kept) Tj ET" + bytes(99))[:-6]
    page = "<< /Type /Page /Contents 7 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
    broken = b"<< /Length 9999 /Filter /FlateDecode >>\nstream\r\n" + packed + b"\nendstream"
    assert text(pdf("BT ET", page, broken)) == "kept"
