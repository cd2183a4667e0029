"""Office documents and PDF files as programs write them, made by hand."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping

IBAN = "DE89370400440532013000"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"


def archive(members: Mapping[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in members.items():
            written.writestr(name, content)
    return buffer.getvalue()


def docx(body: str, **others: str) -> bytes:
    """`body` stands within `w:body`; `others` are further parts below `word/`."""
    document = f'<?xml version="1.0"?><w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>'
    parts = {f"word/{name}.xml": xml for name, xml in others.items()}
    return archive({"[Content_Types].xml": "<Types/>", "word/document.xml": document, **parts})


def paragraph(*runs: str) -> str:
    return "<w:p>" + "".join(f"<w:r><w:t>{run}</w:t></w:r>" for run in runs) + "</w:p>"


def xlsx(rows: str, shared: tuple[str, ...]) -> bytes:
    strings = "".join(f"<si><t>{each}</t></si>" for each in shared)
    return archive(
        {
            "[Content_Types].xml": "<Types/>",
            "xl/workbook.xml": f'<workbook xmlns="{SHEET}"><sheets><sheet name="Payroll"/></sheets></workbook>',
            "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{SHEET}"><sheetData>{rows}</sheetData></worksheet>',
            "xl/sharedStrings.xml": f'<sst xmlns="{SHEET}">{strings}</sst>',
        }
    )


def pdf(content: str, *objects: str | bytes, resources: str = "/Font << /F1 5 0 R >>") -> bytes:
    """One page with `content`, deflated. `objects` are numbered from 6 on; object 5 is a font with Latin letters."""
    packed = zlib.compress(content.encode("latin-1"))
    numbered: list[str | bytes] = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [3 0 R] /Count 1 /Resources << {resources} >> >>",
        "<< /Type /Page /Parent 2 0 R /Contents 4 0 R >>",
        stream(packed, "/Filter /FlateDecode"),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        *objects,
    ]
    out = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
    for number, each in enumerate(numbered, 1):
        out += (
            f"{number} 0 obj\n".encode() + (each.encode("latin-1") if isinstance(each, str) else each) + b"\nendobj\n"
        )
    return out + b"trailer << /Root 1 0 R >>\n%%EOF\n"


def stream(data: bytes, entries: str = "") -> bytes:
    return f"<< /Length {len(data)} {entries} >>\nstream\n".encode() + data + b"\nendstream"
