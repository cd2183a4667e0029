"""Texts with what was found in them, for a terminal: the lines around each finding, the found part set off."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from gateway_ext.cli.table import printable
from gateway_ext.exchange import Finding
from gateway_ext.guard.rules import Action

CONTEXT_CHARACTERS = 60
MARKED_CHARACTERS_MAX = 160

Mark = Callable[[str, str], str]
"""Sets a part of a text off: the part, and the action on it."""

_COLOURS = {Action.BLOCK: "41;97", Action.REDACT: "43;30", Action.PSEUDONYMIZE: "43;30", Action.LOG: "46;30"}
_ALLOWED_COLOUR = "42;30"
_STRONGEST_FIRST = (*reversed(Action), "")


def in_colour(part: str, action: str) -> str:
    """Black on yellow for what is replaced, white on red for what blocks, and so on (ECMA-48 SGR)."""
    return f"\033[{_COLOURS.get(Action(action), '') if action in set(Action) else _ALLOWED_COLOUR}m{part}\033[0m"


def in_brackets(part: str, _action: str) -> str:
    """For files and pipes."""
    return f"⟦{part}⟧"


def excerpts(text: str, findings: Iterable[Finding], mark: Mark) -> list[str]:
    """One excerpt of at most a line for each group of findings that stand close together, in order.

    Overlapping findings are set off as one part, under the strongest of their actions. Control characters are
    replaced, because the text is whatever somebody was sent.
    """
    lines: list[str] = []
    shown_to, is_open = 0, False
    for start, end, action in _merged(findings):
        begin = max(text.rfind("\n", 0, start) + 1, start - CONTEXT_CHARACTERS)
        if is_open and begin <= shown_to:
            lines[-1] += printable(text[shown_to:start])
        else:
            if is_open:
                lines[-1] += _tail(text, shown_to)
            lines.append(("…" if begin and text[begin - 1] != "\n" else "") + printable(text[begin:start]))
        lines[-1] += mark(_shortened(printable(text[start:end].replace("\n", "⏎"))), action)
        shown_to, is_open = end, True
    if is_open:
        lines[-1] += _tail(text, shown_to)
    return lines


def _tail(text: str, position: int) -> str:
    """What follows on the line."""
    line_end = text.find("\n", position)
    end = min(len(text) if line_end < 0 else line_end, position + CONTEXT_CHARACTERS)
    return printable(text[position:end]) + ("…" if end < len(text) and text[end] != "\n" else "")


def _shortened(part: str) -> str:
    if len(part) <= MARKED_CHARACTERS_MAX:
        return part
    half = MARKED_CHARACTERS_MAX // 2
    return f"{part[:half]} … {part[-half:]}"


def _merged(findings: Iterable[Finding]) -> Iterator[tuple[int, int, str]]:
    group: list[Finding] = []
    for finding in sorted(findings, key=lambda one: (one.start, -one.end)):
        if group and finding.start >= max(one.end for one in group):
            yield _as_one(group)
            group = []
        group.append(finding)
    if group:
        yield _as_one(group)


def _as_one(group: Sequence[Finding]) -> tuple[int, int, str]:
    actions = {finding.action for finding in group}
    strongest = next((str(action) for action in _STRONGEST_FIRST if action in actions), group[0].action)
    return group[0].start, max(finding.end for finding in group), strongest
