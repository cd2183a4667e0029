from __future__ import annotations

from gateway_ext.guard.views.excerpts import Run, excerpts
from gateway_ext.guard.views.offsets import PARTING, Part, View

SOURCE = View("abc%41%42def")


def test_excerpts_show_what_stands_around() -> None:
    run = Run(3, 9, [Part("AB", 3, 9, 1, 3)])
    (view,) = excerpts(SOURCE, [run])
    assert view.text == "abcABdef"
    assert not list(excerpts(SOURCE, []))


def test_excerpts_that_do_not_touch_are_parted() -> None:
    source = View("%41" + " word" * 60 + " %42")
    runs = [Run(0, 3, [Part("A", 0, 3, 1, 3)]), Run(304, 307, [Part("B", 304, 307, 1, 3)])]
    (view,) = excerpts(source, runs)
    lines = view.text.split(PARTING)
    assert [lines[0][0], lines[1][-1]] == ["A", "B"]
    assert max(map(len, lines)) < 80
    assert view.original(len(view.text) - 1, len(view.text)) == (304, 307)
