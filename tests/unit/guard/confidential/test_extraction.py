from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from gateway_ext.guard.confidential import extraction
from gateway_ext.guard.confidential.extraction import ExtractionError, extract

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def docx(path: Path, **parts: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        for name, xml in parts.items():
            archive.writestr(f"word/{name}.xml", xml)
    return path


def body(inside: str) -> str:
    return f'<?xml version="1.0"?><w:document xmlns:w="{WORD}"><w:body>{inside}</w:body></w:document>'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_in_its_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.md"
    path.write_bytes("Größe\n1".encode(encoding))
    assert extract(path) == "Größe\n1"


def test_the_text_of_a_word_document(tmp_path: Path) -> None:
    path = docx(
        tmp_path / "a.docx",
        document=body(
            "<w:p><w:r><w:t>Ver</w:t></w:r><w:r><w:t>trag &amp; Anlage</w:t></w:r></w:p>"
            "<w:p><w:r><w:instrText>PAGE</w:instrText><w:t>Zwei</w:t><w:tab/><w:t>drei</w:t></w:r></w:p>"
        ),
        footer1=body("<w:p><w:r><w:t>Fuß</w:t></w:r></w:p>"),
    )
    assert extract(path) == "Vertrag & Anlage\nZwei\ndrei\nFuß\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff\xfea\xd8\x00", "not UTF-8"),
        ("Größe".encode("latin-1"), "iconv"),
        (b"a\0b", "not text"),
        (b"%PDF-1.7", "pdftotext"),
        (b"PK\x03\x04 nothing", "damaged or encrypted"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(data)
    with pytest.raises(ExtractionError, match=message):
        extract(path)


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        ('<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><d>&b;</d>', "document type"),
        ('<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]><d>&a;</d>', "document type"),
        ("<w:document", "damaged XML"),
        ("<d>&unknown;</d>", "damaged XML"),
    ],
)
def test_hostile_xml_is_refused(tmp_path: Path, xml: str, message: str) -> None:
    with pytest.raises(ExtractionError, match=message):
        extract(docx(tmp_path / "a.docx", document=xml))


def test_an_archive_that_grows_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extraction, "UNPACKED_BYTES_MAX", 1 << 20)
    xml = body("<w:p/>" * 100_000)
    path = docx(tmp_path / "a.docx", document=xml, footer1=xml)
    assert path.stat().st_size < 20_000
    with pytest.raises(ExtractionError, match="MiB unpacked"):
        extract(path)


def test_an_archive_of_very_many_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extraction, "PARTS_MAX", 2)
    with pytest.raises(ExtractionError, match="more than 2 files"):
        extract(docx(tmp_path / "a.docx", document=body(""), footer1=body("")))


def test_a_large_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extraction, "FILE_BYTES_MAX", 10)
    (tmp_path / "a.txt").write_text("x" * 11)
    with pytest.raises(ExtractionError, match="split it"):
        extract(tmp_path / "a.txt")


def test_another_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExtractionError, match="without a Word document"):
        extract(docx(tmp_path / "a.zip"))
