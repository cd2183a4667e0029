from __future__ import annotations

from pathlib import Path

import pytest

from gateway_ext.attachments import files
from gateway_ext.attachments.files import ExtractionError, read_file
from tests.unit.attachments.documents import PNG, archive, docx, paragraph, pdf


@pytest.mark.parametrize(
    ("data", "content"),
    [
        ("Größe\n1".encode("utf-16"), "Größe\n1"),
        (docx(paragraph("Vertrag"), settings="<s>of no interest</s>"), "Vertrag\n"),
        (pdf("BT /F1 9 Tf (Vertrag) Tj ET", "<< /Author (Jane) >>"), "Vertrag\n"),
    ],
)
def test_the_content_of_a_file_without_what_stands_beside_it(tmp_path: Path, data: bytes, content: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    assert read_file(path) == content


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        (PNG, "not text"),
        (b"a\0b", "not text"),
        (pdf("BT ET") + b"<< /Encrypt 9 0 R >>", "without a password"),
        (b"PK\x03\x04 nothing", "save the document again"),
        (archive({"a.txt": "x", "b.png": PNG}), "not text"),
    ],
)
def test_what_cannot_be_read_whole_is_refused_with_advice(tmp_path: Path, data: bytes, advice: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(ExtractionError, match=advice):
        read_file(path)


def test_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(docx("<w:p/>" * 100_000))
    monkeypatch.setattr(files, "UNPACKED_BYTES_MAX", 1 << 18)
    with pytest.raises(ExtractionError, match="split the document"):
        read_file(path)
    monkeypatch.setattr(files, "FILE_BYTES_MAX", 10)
    with pytest.raises(ExtractionError, match="split it"):
        read_file(path)
