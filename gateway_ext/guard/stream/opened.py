"""What has been opened in a growing text, and is not closed yet."""

from __future__ import annotations

from gateway_ext.guard.stream.openings import ENDS_CHARACTERS_MAX, Opening, Phrases


class Opened:
    """What one opening holds at the moment: from where, and until when."""

    def __init__(self, opening: Opening | Phrases) -> None:
        self.held: list[tuple[int, int]] = []  # mostly nothing, for which a deque is large
        self._opening = opening
        self._latest = -1
        self._searched = 0

    def note(self, text: str, origin: int, before: int, start: int, end: int) -> None:
        """`text[start:end]` is a finished word and the gap behind it, `text[before:start]` the same of the one before."""
        start = start if isinstance(self._opening, Phrases) else before  # one word tells, or two
        for first, characters in self._opening.starts(text, start, end):
            if first + origin > self._latest:
                self._latest = first + origin
                self.held.append((self._latest, self._latest + characters))

    def note_disguised(self, word: str, position: int) -> None:
        """The word at `position`, with the gap behind it, reads `word` without its disguise."""
        for _, characters in self._opening.starts(word, 0, len(word)):
            if position > self._latest:
                self._latest = position
                self.held.append((position, position + characters))

    def live(self, text: str, origin: int) -> int:
        """To be asked when something is held."""
        held, end = self.held, origin + len(text)
        if self._opening.ends is not None:
            low = max(held[0][0], self._searched - ENDS_CHARACTERS_MAX)
            for match in self._opening.ends.finditer(text, low - origin):
                while held and held[0][0] < match.end() + origin:
                    del held[0]
            self._searched = end
        while held and held[0][1] <= end:
            del held[0]
        return held[0][0] if held else end
