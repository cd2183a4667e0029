from __future__ import annotations

from gateway_ext.cli.excerpts import excerpts, in_brackets, in_colour
from gateway_ext.exchange import Finding


def found(start: int, end: int, action: str = "log") -> Finding:
    return Finding("iban", "1", "personal", 0, "/x", start, end, 0.9, action, False, "f")


def bracketed(text: str, *spans: tuple[int, int]) -> list[str]:
    return excerpts(text, [found(*span) for span in spans], in_brackets)


def test_only_the_line_is_shown_and_of_a_long_one_a_part() -> None:
    assert bracketed("first\nan IBAN here\nlast", (9, 13)) == ["an ⟦IBAN⟧ here"]
    long = "a" * 100 + "IBAN" + "b" * 100
    assert bracketed(long, (100, 104)) == ["…" + "a" * 60 + "⟦IBAN⟧" + "b" * 60 + "…"]
    assert bracketed("b" * 60 + "IBAN" + "a" * 60, (60, 64)) == ["b" * 60 + "⟦IBAN⟧" + "a" * 60]
    assert bracketed("IBAN", (0, 4)) == ["⟦IBAN⟧"]


def test_near_findings_share_an_excerpt_and_no_part_is_shown_twice() -> None:
    text = "".join(map(chr, range(0x4E00, 0x4E00 + 400)))
    for gap in (0, 1, 59, 60, 61, 119, 120, 121, 200):
        lines = bracketed(text, (50, 60), (60 + gap, 70 + gap))
        shown = "".join(lines)
        characters = [character for character in shown if character not in "⟦⟧…"]
        assert len(characters) == len(set(characters)) or len(lines) == 2
        assert shown.count("⟦") == 2
        assert f"⟦{text[60 + gap : 70 + gap]}⟧" in shown
        assert len(lines) == (1 if gap <= 60 else 2)
    assert bracketed("one\ntwo", (0, 3), (4, 7)) == ["⟦one⟧", "⟦two⟧"]


def test_overlapping_findings_are_one_part_under_the_strongest_action() -> None:
    lines = excerpts("a 12 34 b", [found(2, 4), found(3, 7, "block"), found(5, 6, "redact")], in_colour)
    assert lines == ["a \033[41;97m12 34\033[0m b"]
    for action in ("log", "redact", "pseudonymize", "allowed"):
        (line,) = excerpts("x", [found(0, 1, action)], in_colour)
        assert line.endswith("mx\033[0m")
        assert "41;97" not in line


def test_what_spans_lines_is_shortened_to_one() -> None:
    key = "-----BEGIN\n" + "k" * 500 + "\nEND-----"
    (line,) = bracketed(f"key:\n{key}\n", (5, 5 + len(key)))
    assert line.startswith("⟦-----BEGIN⏎kkk")
    assert line.endswith("k⏎END-----⟧")
    assert len(line) < 200


def test_the_terminal_is_safe_from_the_text() -> None:
    (line,) = bracketed("\x1b[2J\u202e IBAN\x07", (6, 11))
    assert line == "\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER} ⟦IBAN\N{REPLACEMENT CHARACTER}⟧"
