"""Pictures as files: SVG as it is, PNG by resvg (extra `reports`)."""

from __future__ import annotations

from pathlib import Path

from gateway_ext.budget.reports.chart import FONTS
from gateway_ext.errors import ConfigurationError

PNG_ZOOM = 2.0  # of the SVG's size: sharp on screens of twice the density

_EMPTY = f'<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20" {FONTS}/>'
_LETTER = _EMPTY.replace("/>", '><text y="15">W</text></svg>')


def write_picture(path: Path, svg: str) -> None:
    """As the file's name says. Raises ConfigurationError for other kinds, when it cannot be made or written."""
    kind = path.suffix.lower()
    if kind not in {".svg", ".png"}:
        raise ConfigurationError(f"{path}: pictures are .svg or .png")
    content = svg.encode() if kind == ".svg" else _png(svg)
    try:
        path.write_bytes(content)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written ({error.strerror})") from None


def _png(svg: str) -> bytes:
    try:
        from resvg_py import svg_to_bytes  # noqa: PLC0415  (extra `reports`)
    except ImportError:
        raise ConfigurationError(
            "pictures as PNG need the extra `reports`: pip install 'gateway-ext[reports]'; SVG needs nothing"
        ) from None
    if svg_to_bytes(svg_string=_LETTER) == svg_to_bytes(svg_string=_EMPTY):
        raise ConfigurationError(
            "there is no font on this machine for pictures as PNG; install one (Debian: fonts-dejavu-core), or write SVG"
        )
    return bytes(svg_to_bytes(svg_string=svg, zoom=PNG_ZOOM))
