from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import pytest

from gateway_ext.guard.cache import Match
from gateway_ext.guard.detector import Kind
from gateway_ext.guard.pseudonyms import PseudonymVault
from gateway_ext.guard.rules import Action
from gateway_ext.guard.stream.changes import Decision
from gateway_ext.guard.stream.holding import Holding
from gateway_ext.guard.stream.text import HELD_CHARACTERS_MAX, StreamedText

KINDS = {
    "payment_card": re.compile(r"(?<!\d)\d{4}(?:[ \n]?\d{4}){3}(?!\d)"),
    "github_token": re.compile(r"ghp_\w+"),
    "secret_keyword": re.compile(r"(?<=password = \")[^\"\n]+(?=\")"),
    "private_key": re.compile(r"-----BEGIN RSA PRIVATE KEY-----(?s:.{0,32768}?-----END RSA PRIVATE KEY-----|[\w\s]*)"),
    "email": re.compile(r"\b\w{1,64}@\w+\.\w+"),
}
EVERY = Holding.of(tuple(KINDS))
CARD = "4111 1111 1111 1111"


def find(text: str) -> Sequence[Match]:
    """Detectors of our own, so that what is tested here is the stream alone."""
    return [
        Match(Kind(name, "1", "secret"), *match.span(), 1.0, match[0])
        for name, pattern in KINDS.items()
        for match in pattern.finditer(text)
    ]


def redact(match: Match) -> Decision:
    return Decision(Action.REDACT, f"[{match.kind.name}]")


class Reader:
    """Takes what a stream releases."""

    def __init__(self, stream: StreamedText) -> None:
        self.stream = stream
        self.released = ""
        self._text = ""
        self._position = 0

    def feed(self, *pieces: str) -> Reader:
        for piece in pieces:
            self._text += piece
            self.stream.feed(piece)
            self._take()
        return self

    def finish(self) -> str:
        self.stream.finish()
        self._take()
        return self.released

    def _take(self) -> None:
        assert self._position <= self.stream.settled <= len(self._text)
        for edit in self.stream.take_edits():
            assert self._position <= edit.start < edit.end <= self.stream.settled
            self.released += self._text[self._position : edit.start] + edit.replacement
            self._position = edit.end
        self.released += self._text[self._position : self.stream.settled]
        self._position = self.stream.settled


def reader(holding: Holding | None = EVERY, **arguments: object) -> Reader:
    return Reader(StreamedText(find, redact, holding, **arguments))  # type: ignore[arg-type]  # passed on as they are


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"pay {CARD} now", "pay [payment_card] now"),
        (CARD, "[payment_card]"),
        ("4111 1111\n1111 1111 now", "[payment_card] now"),
        ("41111111111111112 now", "41111111111111112 now"),
        ('password = "correct horse battery" x', 'password = "[secret_keyword]" x'),
        ("key ghp_a1B2c3D4", "key [github_token]"),
        ("-----BEGIN RSA PRIVATE KEY-----\nab\ncd\n-----END RSA PRIVATE KEY-----\nend", "[private_key]\nend"),
        (f"{CARD} a@b.eu, {CARD}", "[payment_card] [email], [payment_card]"),
    ],
)
def test_every_cut_gives_what_the_whole_gives(text: str, expected: str) -> None:
    assert reader().feed(text).finish() == expected
    assert reader().feed(*text).finish() == expected
    for place in range(len(text) + 1):
        assert reader().feed(text[:place], text[place:]).finish() == expected


def test_prose_is_held_to_the_last_word_boundary() -> None:
    words = [
        "The",
        "quick",
        "brown",
        "fox,",
        "they",
        "say,",
        "jumps",
        "(over)",
        "the",
        "lazy",
        "dog's",
        "bed:",
        '"well',
        'done"',
        "he",
        "cried.",
        "",
    ]
    stream = reader()
    for word in words:
        before = stream.stream.settled
        stream.feed(word)
        assert stream.stream.settled <= before + len(word)
        stream.feed(" ")
        assert stream.released.endswith(f"{word} ".lstrip()) or word.endswith(('"', ","))
    assert stream.finish() == " ".join(words) + " "


def test_a_value_is_released_with_the_word_that_ends_it() -> None:
    stream = reader().feed("pay ", "4111 1111 ", "1111 1111")
    assert stream.released == "pay "
    assert stream.feed(" please").released == "pay "
    assert stream.feed(" ").released == "pay [payment_card] please "


def test_what_is_only_noted_holds_nothing_back() -> None:
    stream = StreamedText(find, lambda _match: Decision(Action.LOG), None)
    text = f"pay {CARD} to a@b.eu"
    for position, character in enumerate(text, 1):
        stream.feed(character)
        assert stream.settled == position
    stream.finish()
    assert [(match.kind.name, match.start, match.end) for match in stream.take_matches()] == [
        ("payment_card", 4, 23),
        ("email", 27, 33),
    ]
    assert stream.take_edits() == []


def test_what_is_noted_beside_what_is_enforced_is_reported_once() -> None:
    def decide(match: Match) -> Decision:
        return redact(match) if match.kind.name == "email" else Decision(Action.LOG)

    stream = StreamedText(find, decide, Holding.of(["email"]))
    text = f"pay {CARD} to a@b.eu. " * 100
    for start in range(0, len(text), 7):
        stream.feed(text[start : start + 7])
    stream.finish()
    places = [(match.start, match.end) for match in stream.take_matches()]
    assert sorted(places) == sorted((match.start, match.end) for match in find(text))


def test_of_what_is_blocked_nothing_ever_leaves() -> None:
    def decide(match: Match) -> Decision:
        return Decision(Action.BLOCK) if match.kind.name == "payment_card" else redact(match)

    text = f"first a@b.eu then {CARD} and ghp_abc"
    for place in range(len(text)):
        stream = Reader(StreamedText(find, decide, EVERY)).feed(text[:place], text[place:])
        assert stream.finish() == "first [email] then "
        assert stream.stream.is_blocked
        assert stream.feed("more", " and more ").released == "first [email] then "


def test_overlapping_matches_are_one_edit_named_by_rank() -> None:
    def find_two(text: str) -> Sequence[Match]:
        kind = Kind("x", "1", "secret")
        spans = [(3, 9), (5, 12)] if len(text) >= 12 else []
        return [Match(kind, start, end, 1.0, "") for start, end in spans]

    def decide(match: Match) -> Decision:
        return Decision(Action.REDACT, f"[{match.start}]", rank=match.start)

    stream = Reader(StreamedText(find_two, decide, EVERY)).feed("aa bbbbbbbbb cc")
    assert stream.finish() == "aa [5] cc"


def test_a_secret_longer_than_any_bound_never_leaves_halfway() -> None:
    stream = reader().feed("key ghp_")
    for _ in range(2 * HELD_CHARACTERS_MAX // 1000):
        stream.feed("x1" * 500)
        assert "x1" not in stream.released
        assert len(stream.stream._window.text) < 2 * HELD_CHARACTERS_MAX
    assert stream.feed(" end").finish() == "key [github_token] end"


def test_memory_is_bounded() -> None:
    stream = reader()
    for index in range(3_000):
        stream.feed(f"word{index % 7} and ")
        assert len(stream.stream._window.text) < 8 * 1024


def test_a_long_word_without_a_value_is_let_go() -> None:
    stream = reader().feed(*["QUJD" * 16] * 200)
    assert stream.stream.settled > 200 * 64 - 6000
    assert stream.finish() == "QUJD" * 3200


def test_placeholders_are_restored_after_inspection() -> None:
    vault = PseudonymVault({"<EMAIL_1>": "jeanne@example.eu", "<PAYMENT_CARD_1>": CARD})
    text = f"<EMAIL_1> wrote a@b.eu about &lt;payment_card_1&gt;, {CARD} and <EMAIL_2>"
    expected = f"jeanne@example.eu wrote [email] about {CARD}, [payment_card] and <EMAIL_2>"
    for place in range(len(text)):
        assert reader(vault=vault).feed(text[:place], text[place:]).finish() == expected
    assert reader(vault=vault).feed(*text).finish() == expected
    assert reader(None, vault=vault).feed(*"to <EMAIL_1>!").finish() == "to jeanne@example.eu!"


def test_in_json_restored_values_are_escaped() -> None:
    vault = PseudonymVault({"<NAME_1>": 'a "b"\n'})
    assert reader(vault=vault, is_json=True).feed(*'{"to": "<NAME_1>"}').finish() == '{"to": "a \\"b\\"\\n"}'


def test_a_placeholder_in_what_is_redacted_goes_with_it() -> None:
    vault = PseudonymVault({"<EMAIL_1>": "jeanne@example.eu"})
    text = 'password = "x <EMAIL_1> y" <EMAIL_1>'
    for place in range(len(text)):
        stream = reader(vault=vault).feed(text[:place], text[place:])
        assert stream.finish() == 'password = "[secret_keyword]" jeanne@example.eu'


def test_a_failing_detector_settles_nothing_new() -> None:
    def failing(text: str) -> Sequence[Match]:
        if "b00m" in text:
            raise RuntimeError
        return find(text)

    stream = StreamedText(failing, redact, EVERY)
    stream.feed("fine words ")
    settled = stream.settled
    with pytest.raises(RuntimeError):
        stream.feed("b00m or what it is. ")
    assert stream.settled == settled


def released(pieces: Iterable[str]) -> str:
    return reader().feed(*pieces).finish()


@pytest.mark.parametrize(
    "unit", [" ", "\n", '"', "'", ",", "1 ", "a b ", "x=,", "-----BEGIN ", "ghp_ ", "=", "漢", "\u200b", "<"]
)
def test_hostile_text_takes_linear_time(unit: str) -> None:
    text = unit * (30_000 // len(unit))
    calls = 0

    def count(window: str) -> Sequence[Match]:
        nonlocal calls
        calls += len(window)
        return ()

    stream = Reader(StreamedText(count, redact, EVERY))
    stream.feed(*(text[start : start + 50] for start in range(0, len(text), 50)))
    assert stream.finish() == text
    assert calls < 200 * len(text)


def test_nothing_shows_the_text() -> None:
    stream = reader().feed(f"pay {CARD} to a@b.eu now and then").stream
    assert "4111" not in repr(stream)
    assert "email" not in repr(stream.take_edits())
