from __future__ import annotations

from xml.etree import ElementTree as ET

from gateway_ext.budget.reports.chart import NAME_CHARACTERS, Bar, svg

SVG = "{http://www.w3.org/2000/svg}"


def rectangles(picture: str) -> list[tuple[int, int, int]]:
    """x, y and width of those that are bars."""
    found = ET.fromstring(picture).iter(f"{SVG}rect")
    return [
        (int(each.get("x", 0)), int(each.get("y", 0)), int(each.get("width", 0)))
        for each in found
        if each.get("height") == "18"
    ]


def texts(picture: str) -> list[str]:
    return [each.text or "" for each in ET.fromstring(picture).iter(f"{SVG}text")]


def test_bars_are_as_long_as_their_amounts_say() -> None:
    picture = svg("Cost", [Bar("a", "10", 10**12), Bar("b", "5", 5 * 10**11, 25 * 10**10), Bar("c", "0", 0)])
    long, reported, estimated, nothing = rectangles(picture)
    assert reported[2] + estimated[2] == long[2] // 2
    assert estimated[0] == reported[0] + reported[2]
    assert nothing[2] == 0
    assert [long[1] < reported[1] < nothing[1], reported[1] == estimated[1]] == [True, True]


def test_an_amount_too_small_to_see_is_seen() -> None:
    _, tiny = rectangles(svg("Cost", [Bar("a", "1", 10**12), Bar("b", "0", 1)]))
    assert tiny[2] == 1


def test_what_others_wrote_is_text_and_nothing_else() -> None:
    hostile = "</text><script>\x1b[2J&"
    picture = svg(hostile, [Bar(hostile, "1", 1), Bar("x" * 99, "1", 1)], "and 3 others")
    assert texts(picture)[:2] == ["</text><script>\N{REPLACEMENT CHARACTER}[2J&"] * 2
    assert "script" not in {each.tag.removeprefix(SVG) for each in ET.fromstring(picture).iter()}
    assert f"{'x' * (NAME_CHARACTERS - 1)}…" in texts(picture)
    assert "and 3 others" in texts(picture)


def test_nothing_to_draw_is_a_picture_too() -> None:
    assert texts(svg("Cost", []))[0] == "Cost"
