from __future__ import annotations

import gzip
from email.message import EmailMessage

import pytest

from gateway_ext.attachments.bounds import Bounds
from gateway_ext.attachments.extraction import read
from tests.unit.attachments.documents import IBAN, PNG, archive, docx, paragraph, xlsx


def text(data: bytes, charset: str = "") -> str:
    """What `data` says, when all of it can be read."""
    reading = read(data, Bounds(), charset)
    assert reading.failure is None
    return "\n".join(reading.texts)


def failure(data: bytes, bounds: Bounds | None = None) -> str:
    reading = read(data, bounds or Bounds())
    assert reading.failure is not None
    return reading.failure.what


def asides(data: bytes) -> str:
    return "\n".join(read(data, Bounds()).asides)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_text_in_its_encodings(encoding: str) -> None:
    assert text("Name;Größe\nJane;1".encode(encoding)) == "Name;Größe\nJane;1"


def test_a_declared_charset_counts_for_what_is_not_utf_8() -> None:
    assert text("Ελλάδα".encode("iso-8859-7"), "ISO-8859-7") == "Ελλάδα"
    assert text("Größe".encode(), "ISO-8859-7") == "Größe"
    assert text(b"a\\u0041", "unicode_escape") == "a\\u0041"


def test_html_without_its_tags() -> None:
    page = f"<!DOCTYPE html><p>DE89 <b>3704</b>&nbsp;0044<br>x &lt;y&gt;<td>1<a href='mailto:jane@example.org'>{IBAN}</a><!-- note -->"
    assert "DE89 3704\u00a00044\nx <y>" in text(page.encode())
    assert IBAN in text(page.encode())
    assert "mailto:jane@example.org" in asides(page.encode())
    assert "note" in asides(page.encode())


def test_rich_text() -> None:
    data = rb"{\rtf1\ansi\ansicpg1252{\fonttbl\f0 Arial;}Gr\'f6\'dfe \uc1\u8364? \u-10179?\u-8704?\par IBAN\tab x\{y\}"
    data += rb"{\pict\wmetafile8 0123456789abcdef}\par after}"
    assert text(data) == "Arial;Größe € 😀\nIBAN\tx{y}\nafter"


def test_a_word_document() -> None:
    body = paragraph("Ver", "trag &amp; Anlage") + (
        "<w:p><w:pPr><w:tabs><w:tab/></w:tabs></w:pPr><w:r><w:instrText>MAILTO jane@example.org</w:instrText><w:t>Zwei</w:t>"
        "<w:tab/><w:t>drei</w:t></w:r></w:p>"
        f"<w:tbl><w:tr><w:tc>{paragraph('Name')}</w:tc><w:tc>{paragraph('Jane')}</w:tc></w:tr></w:tbl>"
    )
    data = docx(body, footer1=f'<w:ftr xmlns:w="http://x">{paragraph("Fuß")}</w:ftr>')
    assert text(data) == "Vertrag & Anlage\nZwei\tdrei\nName \tJane \t\n\nFuß\n"
    assert "MAILTO jane@example.org" in asides(data)


def test_a_workbook_with_shared_strings_and_numbers() -> None:
    rows = (
        '<row><c t="s"><v>1</v></c><c t="s"><v>0</v></c></row>'
        f'<row><c t="inlineStr"><is><t>{IBAN}</t></is></c><c><f>1+1</f><v>4111</v></c><c t="s"><v>99</v></c></row>'
    )
    assert text(xlsx(rows, ("IBAN", "Name"))) == f"Name\tIBAN\t\n{IBAN}\t4111\t99\t\n"
    assert "Payroll" in asides(xlsx(rows, ("IBAN", "Name")))


def test_slides_and_open_document() -> None:
    slide = '<p:sld xmlns:p="p" xmlns:a="a"><a:p><a:r><a:t>Um</a:t></a:r><a:r><a:t>satz</a:t></a:r></a:p></p:sld>'
    assert text(archive({"[Content_Types].xml": "<Types/>", "ppt/slides/slide1.xml": slide})) == "Umsatz\n"
    content = '<o:d xmlns:o="o" xmlns:text="t"><text:p>DE89<text:s/><text:span>3704</text:span></text:p></o:d>'
    data = archive({"content.xml": content, "META-INF/manifest.xml": "<manifest/>", "meta.xml": "<m><c>Jane</c></m>"})
    assert text(data) == "DE89 3704\n"
    assert "Jane" in asides(data)


def test_properties_and_labels_of_an_office_document_are_asides() -> None:
    label = '<clbl:labelList><clbl:label id="{87ba5c36-b7cf-4793-bbc2-bd5b3a9f95ca}" enabled="1"/></clbl:labelList>'
    data = archive(
        {
            "[Content_Types].xml": "<Types/>",
            "docProps/core.xml": "<p><dc:creator>Jane Doe</dc:creator></p>",
            "docMetadata/LabelInfo.xml": label,
            "word/_rels/document.xml.rels": '<R><Relationship Target="mailto:jane@example.org"/></R>',
            "word/styles.xml": '<styles><style val="style of no interest"/></styles>',
            "word/media/image1.png": PNG,
            "word/notes.txt": "words that do not belong",
        }
    )
    beside = asides(data)
    assert 'clbl:label id="{87ba5c36' in beside
    assert "Jane Doe" in beside
    assert "jane@example.org" in beside
    assert "words that do not belong" in beside
    assert "no interest" not in beside
    assert read(data, Bounds()).failure is None  # a picture in a document is no reason to call it unreadable


def test_mail_with_its_attachments() -> None:
    mail = EmailMessage()
    mail["Subject"] = "Größe geheim"
    mail["From"] = "jane@example.org"
    mail.set_content("Hallo Größe", cte="base64")
    mail.add_attachment(docx(paragraph(IBAN)), maintype="application", subtype="octet-stream", filename="v.docx")
    found = text(mail.as_bytes())
    assert "Subject: Größe geheim" in found
    assert "Hallo Größe" in found
    assert IBAN in found
    assert "v.docx" in found


def test_a_mail_that_is_not_encoded_as_it_says_is_read_as_it_stands() -> None:
    mail = f"MIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\nPay to {IBAN}, Größe!\n"
    reading = read(mail.encode(), Bounds())
    assert any(f"Pay to {IBAN}, Größe!" in aside for aside in reading.asides)


def test_an_archive_of_files_and_archives() -> None:
    inner = archive({"deep/a.docx": docx(paragraph(IBAN))})
    data = archive({"notes.txt": "Notiz", "inner.zip": inner})
    assert text(data) == f"Notiz\n{IBAN}\n"
    assert "deep/a.docx" in asides(data)
    assert failure(archive({"outer.zip": data})) == "too large; levels"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "audio/wav"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "application/x-ole-storage"),
        (gzip.compress(b"text", mtime=0), "application/gzip"),
        (bytes(range(256)), "application/octet-stream"),
        (b"PK\x03\x04 nothing", "application/zip; damaged"),
    ],
)
def test_what_is_no_text_is_named_by_what_it_is(data: bytes, what: str) -> None:
    assert failure(data) == what


def test_of_what_is_no_text_the_printable_is_an_aside() -> None:
    picture = PNG + b"\x01tEXtComment\0" + IBAN.encode() + b"\xff" * 99 + "jane@example.org".encode("utf-16-le")
    assert {IBAN, "jane@example.org"} <= {each.removeprefix("Comment") for each in asides(picture).splitlines()}
    far = PNG + b"\xff" * (256 * 1024 - len(PNG) - 4) + IBAN.encode() + b"\xff"  # over the end of a window
    assert IBAN in asides(far)


def test_an_encrypted_member_does_not_hide_the_others() -> None:
    data = bytearray(archive({"a.txt": "first note", "b.txt": "second note"}))
    entry = data.index(b"PK\x01\x02")
    data[entry + 8] |= 1  # encrypted, says the list of members
    reading = read(bytes(data), Bounds())
    assert reading.failure is not None
    assert reading.failure.what == "application/zip; encrypted"
    assert reading.texts == ["second note"]


@pytest.mark.parametrize(
    ("xml", "what"),
    [
        ('<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><d>&b;</d>', "application/xml; document type"),
        ('<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]><d>&a;</d>', "application/xml; document type"),
        ("<w:document", "application/xml; damaged"),
        ("<d>&unknown;</d>", "application/xml; damaged"),
        ("<d>" * 300 + "</d>" * 300, "application/xml; depth"),
    ],
)
def test_hostile_xml_is_refused(xml: str, what: str) -> None:
    assert failure(archive({"[Content_Types].xml": "<Types/>", "word/document.xml": xml})) == what


def test_what_grows_without_bound_is_cut() -> None:
    bomb = docx("<w:p/>" * 400_000)
    assert len(bomb) < 20_000
    assert failure(bomb, Bounds(unpacked_bytes=1 << 20)) == "too large; unpacked"
    assert failure(archive({f"{n}.txt": "x" for n in range(9)}), Bounds(members=8)) == "too large; members"
    amplified = xlsx('<row><c t="s"><v>0</v></c></row>' * 1_000, ("x" * 10_000,))
    assert len(amplified) < 20_000
    assert failure(amplified, Bounds(characters=1 << 20)) == "too large; text"
    assert failure(docx(paragraph(IBAN)), Bounds(is_late=lambda: True)) == "too large; time"


def test_a_mail_of_multiparts_within_multiparts_is_refused() -> None:
    head = b"MIME-Version: 1.0\nFrom: a@example.org\n"
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(500))
    assert failure(head + nested) == "message/rfc822; parts"
