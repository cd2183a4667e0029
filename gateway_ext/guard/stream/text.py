"""Inspects one growing text of a model's answer: a message, the arguments of a tool call.

What may be released is what no continuation can change: however a text is cut into pieces, what comes out is what the
inspection of the whole text would have made of it. Values longer than the bounds in tail.py are the exception; they
are judged as far as they are known, and a value once found is never let go of halfway.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from gateway_ext.guard.cache import Match
from gateway_ext.guard.pseudonyms import PseudonymVault
from gateway_ext.guard.rules import Action
from gateway_ext.guard.stream.changes import Change, Decision, TextEdit, overlapping
from gateway_ext.guard.stream.holding import EVERYTHING, Holding
from gateway_ext.guard.stream.openings import BLOCK_CHARACTERS_MAX
from gateway_ext.guard.stream.tail import WORD_CHARACTERS_MAX, Tail
from gateway_ext.guard.stream.watch import Watch, may_announce
from gateway_ext.guard.stream.window import Window

HELD_CHARACTERS_MAX = BLOCK_CHARACTERS_MAX + WORD_CHARACTERS_MAX  # of a value that does not end
_NOTED_CHARACTERS = 512  # so often we look for what is only noted

_FILLER = "Kq7vT2mx w9Rz4Lp"  # a value of two words that any rule for values in quotes would take
_ENDS_VALUE = re.compile(r"[\s\"'`]")

Find = Callable[[str], Sequence[Match]]
"""All matches in a whole text."""


def _nothing(_text: str) -> Sequence[Match]:
    return ()


class StreamedText:
    """`holding` is for the kinds that policy enforces (None: it only notes), `vault` has the caller's pseudonyms. With no
    `find`, nothing is looked for but placeholders.

    `settled` code points may be released, with the edits taken so far. Once `is_blocked`, nothing more ever is.
    Whatever `find` raises is passed on, with nothing new settled; the text must then be given up.
    """

    def __init__(
        self,
        find: Find | None,
        decide: Callable[[Match], Decision],
        holding: Holding | None,
        vault: PseudonymVault | None = None,
        *,
        is_json: bool = False,
    ) -> None:
        self.settled = 0
        self.is_blocked = False
        self._find = find or _nothing
        self._notes = find is not None
        self._decide = decide
        self._vault = vault
        self._is_json = is_json
        self._window = Window()
        self._tail = Tail(holding, self._is_announced) if holding else None
        self._watch = Watch(holding) if holding else None
        self._step = (
            holding.phrase_characters // 2 if holding else 0
        )  # what is held long need not be let go word by word
        self._live = 0  # as the tail told last
        self._noting = Tail(EVERYTHING, lambda _position, _quote: False)
        self._note_at = _NOTED_CHARACTERS
        self._noted = 0  # up to here everything found has been reported
        self._edited = -1  # where the latest edit ended
        self._swallows = False  # what is left of a value too long to be held
        self._edits: list[TextEdit] = []
        self._matches: list[Match] = []

    def __repr__(self) -> str:
        return f"StreamedText(settled={self.settled}, is_blocked={self.is_blocked})"

    def feed(self, piece: str) -> None:
        """The text goes on."""
        if piece and not self.is_blocked:
            self._window.text += piece
            self._advance(is_last=False)

    def finish(self, rest: str = "") -> None:
        """The text is complete with `rest`."""
        if not self.is_blocked:
            self._window.text += rest
            self._advance(is_last=True)

    def take_edits(self) -> list[TextEdit]:
        """New edits, in order, none beyond `settled`, none overlapping another."""
        taken, self._edits = self._edits, []
        return taken

    def take_matches(self) -> list[Match]:
        """Newly confirmed matches, whatever their action, with positions in the whole text."""
        taken, self._matches = self._matches, []
        return taken

    def _advance(self, *, is_last: bool) -> None:
        window = self._window
        if self._swallows:
            self._swallow()
        live = window.end if self._tail is None or is_last else self._tail.read(window.text, window.origin)
        if self._vault and not is_last:
            live = min(live, window.origin + self._vault.unfinished(window.text, self.settled - window.origin))
        if self._tail is None and not self._vault:
            self.settled = live
        elif is_last or (live > self._live and live > self.settled + self._step):
            self._live = live
            self._settle(live)
        if not self._notes:
            self._noted = self.settled
        elif not self.is_blocked and (is_last or window.end >= self._note_at):
            self._note_at = window.end + _NOTED_CHARACTERS
            self._note(is_last=is_last)
        window.forget(min(self.settled, self._noted))

    def _settle(self, live: int) -> None:
        """Settles what is before `live`, but nothing that reaches over it."""
        window = self._window
        is_watched = self._watch is not None and self._watch.may_hold(window.text, window.origin, self.settled)
        found = self._found(self.settled) if is_watched else []
        changes = self._changes(found)
        for change in reversed(changes):
            if change.start < live < change.end:
                live = change.start
        if window.end - live > HELD_CHARACTERS_MAX:
            live = window.end
            self._swallows = True
        live = max(live, self.settled)
        for group in overlapping([change for change in changes if change.start < live]):
            start, end = max(group[0].start, self.settled), min(live, max(change.end for change in group))
            self._matches += [change.match for change in group if change.match is not None]
            if any(change.decision.action == Action.BLOCK for change in group):
                self.is_blocked = True
                self.settled = start
                return
            chief = max(group, key=lambda change: (change.decision.rank, change.end - change.start))
            goes_on = group[0].start < start == self._edited  # with what has been replaced already
            self._edits.append(TextEdit(start, end, "" if goes_on else chief.decision.replacement))
            self._edited = end
        self.settled = live
        window.know(max((match.end for match in found if match.end <= live), default=0))

    def _changes(self, found: Sequence[Match]) -> list[Change]:
        """All there are behind `settled`, in order. A placeholder within a match that is enforced is not restored."""
        changes = [
            Change(match.start, match.end, decision, match)
            for match in found
            if match.end > self.settled and (decision := self._decide(match)).action != Action.LOG
        ]
        if self._vault:
            origin, text = self._window.origin, self._window.text
            restored = [
                Change(start + origin, end + origin, Decision(Action.REDACT, original), None)
                for start, end, original in self._vault.found(text, self.settled - origin, in_json=self._is_json)
            ]
            changes += [
                one for one in restored if not any(each.start < one.end and one.start < each.end for each in changes)
            ]
        return sorted(changes, key=lambda change: (change.start, -change.end))

    def _note(self, *, is_last: bool) -> None:
        """Reports what is only noted: late, and much at once, as nobody waits for it."""
        until = self._window.end if is_last else self._noting.read(self._window.text, self._window.origin)
        if until > self._noted:
            self._matches += [
                match
                for match in self._found(self._noted)
                if self._noted < match.end <= until and self._decide(match).action == Action.LOG
            ]
            self._noted = until

    def _found(self, position: int) -> list[Match]:
        """What is found from `position` on, and in what is read along with it; places in the whole text."""
        start = self._window.context(position)
        matches = self._find(self._window.since(start))
        return [replace(match, start=match.start + start, end=match.end + start) for match in matches]

    def _is_announced(self, position: int, quote: str) -> bool:
        """Whether a value of several words, if it stood behind the quote at `position`, would be enforced."""
        start = self._window.context(position)
        before = self._window.since(start)[: position - start + 1]
        if not may_announce(before):
            return False
        closing = f"\\{quote}" if before[-2:-1] == "\\" else quote
        return any(
            match.end > len(before) and self._decide(match).action != Action.LOG
            for match in self._find(f"{before}{_FILLER}{closing}")
        )

    def _swallow(self) -> None:
        """Takes out what is left of a value that was too long to be held to its end."""
        ends = _ENDS_VALUE.search(self._window.text, self.settled - self._window.origin)
        end = ends.start() + self._window.origin if ends else self._window.end
        if end > self.settled:
            self._edits.append(TextEdit(self.settled, end, ""))
            self.settled = self._edited = end
        self._swallows = ends is None
