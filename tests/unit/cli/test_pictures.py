from __future__ import annotations

import sys
from pathlib import Path

import pytest
import resvg_py

from gateway_ext.budget.reports.chart import Bar, svg
from gateway_ext.cli.pictures import write_picture
from gateway_ext.errors import ConfigurationError

PICTURE = svg("Cost", [Bar("a", "1", 1)])


def test_svg_as_it_is_and_png_of_twice_the_size(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.svg", PICTURE)
    assert (tmp_path / "a.svg").read_text() == PICTURE
    write_picture(tmp_path / "a.PNG", PICTURE)
    content = (tmp_path / "a.PNG").read_bytes()
    assert (content[:8], int.from_bytes(content[16:20])) == (b"\x89PNG\r\n\x1a\n", 2 * 860)


def test_a_machine_without_fonts_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = resvg_py.svg_to_bytes
    monkeypatch.setattr(
        resvg_py, "svg_to_bytes", lambda svg_string: drawn(svg_string=svg_string, skip_system_fonts=True)
    )
    with pytest.raises(ConfigurationError, match="there is no font on this machine"):
        write_picture(tmp_path / "a.png", PICTURE)
    assert not (tmp_path / "a.png").exists()


def test_without_the_extra_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'gateway-ext\[reports\]'"):
        write_picture(tmp_path / "a.png", PICTURE)
